"""The mails of development, and that they are shown nowhere else."""

from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives, send_mail
from django.test import Client

from bookings.services import confirm_free_booking
from events.tests.factories import make_hall
from notifications.dev_mail import FILE_BACKEND
from notifications.services import queue, send_due
from payments.tests.factories import hold

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("notifications.tests.urls")]


@pytest.fixture(autouse=True)
def _development(settings: Any, tmp_path: Path) -> None:
    settings.EVENTLY_ENV, settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "development", FILE_BACKEND, str(tmp_path)


def links(text: str) -> list[str]:
    return [part.split('"')[0] for part in text.split('href="')[1:] if part.startswith("/dev/mail/2")]


def test_mails_are_listed_newest_first_and_read() -> None:
    browser = Client()
    assert "No mail yet" in browser.get("/dev/mail/").content.decode()
    send_mail("First", "Hello, see https://example.org", None, ["ann@example.org"])
    message = EmailMultiAlternatives("Second", "Words", to=["bob@example.org"])
    message.attach_alternative("<h1>Markup</h1>", "text/html")
    message.send()

    second, first = links(browser.get("/dev/mail/").content.decode())
    text = unescape(browser.get(first).content.decode())
    assert '<a href="https://example.org"' in text
    assert "<iframe" not in text
    text = browser.get(second).content.decode()
    assert f'<iframe src="{second}html/"' in text
    assert "bob@example.org" in text
    assert browser.get(f"{second}html/").content == b'<base target="_top"><h1>Markup</h1>'


def test_the_html_of_a_mail_may_do_nothing_and_shows_its_pictures() -> None:
    booking = confirm_free_booking(booking_id=hold(make_hall(price=0), 1).pk, actor="ann")
    queue(key="k1", kind="booking_confirmed", recipient="ann@example.org", object_id=booking.pk)
    assert send_due() == 1

    browser = Client()
    (mail,) = links(browser.get("/dev/mail/").content.decode())
    response = browser.get(f"{mail}html/")
    assert b'src="data:image/png;base64,iVBORw0KGgo' in response.content
    assert b"cid:" not in response.content
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert response["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("path", ["x.log/0/", "..%2Fsecrets.log/0/", "%2Fetc%2Fpasswd/0/", "x.log/0/html/"])
def test_only_what_is_listed_is_read(path: str) -> None:
    assert Client().get(f"/dev/mail/{path}").status_code == 404


@pytest.mark.parametrize(
    "elsewhere",
    [{"EVENTLY_ENV": "production"}, {"EVENTLY_ENV": "test"}, {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend"}],
)
def test_nobody_reads_mails_outside_development(settings: Any, elsewhere: dict[str, str]) -> None:
    send_mail("Secret", "Hello", None, ["ann@example.org"])
    (mail,) = links(Client().get("/dev/mail/").content.decode())
    for name, value in elsewhere.items():
        setattr(settings, name, value)
    for path in ("/dev/mail/", mail, f"{mail}html/"):
        assert Client().get(path).status_code == 404

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client, override_settings

from bookings.sale import Buyer
from bookings.services import hold_seats
from events.tests.factories import make_hall

# Mail has no style sheet to link.
TEMPLATES = sorted(path for path in (settings.BASE_DIR / "templates").rglob("*.html") if "/email/" not in path.as_posix())
INLINE = re.compile(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", re.IGNORECASE)


@pytest.mark.django_db
@pytest.mark.parametrize(("wished", "seen"), [("dark", ' data-theme="dark"'), ("light", ' data-theme="light"'), ("auto", "")])
def test_the_theme_is_remembered_and_leads_back(client: Client, wished: str, seen: str) -> None:
    response = client.post("/theme/", {"theme": wished, "next": "/help/"})

    assert response.headers["Location"] == "/help/"
    assert f'<html lang="en"{seen}>' in client.get("/help/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_the_theme_switch_leads_nowhere_else(client: Client, target: str) -> None:
    assert client.post("/theme/", {"theme": "dark", "next": target}).headers["Location"] == "/"


@pytest.mark.django_db
@pytest.mark.parametrize(("target", "location"), [("no such view", "no%20such%20view"), ("account_logout", "account_logout")])
def test_the_theme_switch_takes_an_address_for_no_name_of_a_view(client: Client, target: str, location: str) -> None:
    assert client.post("/theme/", {"theme": "dark", "next": target}).headers["Location"] == location


@pytest.mark.django_db
def test_a_made_up_theme_is_not_written_into_the_page(client: Client) -> None:
    client.post("/theme/", {"theme": 'x" onload="alert(1)', "next": "/help/"})
    assert "theme" not in client.cookies

    client.cookies["theme"] = "x onload"
    assert '<html lang="en">' in client.get("/help/").content.decode()


@pytest.mark.django_db
def test_the_language_can_be_changed_once_there_are_two(client: Client, settings: Any) -> None:
    assert "/i18n/setlang/" not in client.get("/help/").content.decode()
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    assert "/i18n/setlang/" in client.get("/help/").content.decode()
    client.post("/i18n/setlang/", {"language": "de", "next": "/help/"})

    assert '<html lang="de">' in client.get("/help/").content.decode()


@pytest.mark.django_db
def test_an_unknown_page_tells_what_to_do(client: Client) -> None:
    response = client.get("/nothing/here/")

    assert response.status_code == 404
    assert "This page is not here" in response.content.decode()


@pytest.mark.django_db
def test_a_form_without_its_token_is_explained() -> None:
    response = Client(enforce_csrf_checks=True).post("/theme/", {"theme": "dark"})

    assert response.status_code == 403
    assert "Nothing was changed." in response.content.decode()


def test_the_page_for_our_own_mistakes_needs_neither_database_nor_request() -> None:
    assert "Something went wrong on our side" in render_to_string("500.html")


@override_settings(DEBUG=False)
@pytest.mark.django_db
def test_pages_load_nothing_from_elsewhere_and_no_inline_code(client: Client) -> None:
    html = client.get("/help/").content.decode()

    assert not re.findall(r'(?:src|<link[^>]*href)="https?:', html)
    assert "'unsafe-inline'" not in client.get("/help/").headers["Content-Security-Policy"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(Path(path).relative_to(settings.BASE_DIR)))
def test_templates_have_no_inline_style_or_script(template: Path) -> None:
    assert INLINE.findall(template.read_text()) == []


@pytest.mark.django_db(transaction=True)
def test_pages_remind_of_the_seats_that_are_held(client: Client) -> None:
    hall = make_hall(rows=1, title="Live Quartet")
    session = client.session
    session["buyer"] = "ann"
    session.save()
    booking = hold_seats(buyer=Buyer(session="ann"), event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(0)))

    html = client.get("/").content.decode()

    assert "Your seats for Live Quartet are held until" in html
    assert f'href="/bookings/{booking.pk}/"' in html
    assert "are held until" not in Client().get("/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/api/v1/events/", "/nothing/here/"])
def test_what_names_its_visitor_is_kept_by_no_shared_cache(client: Client, path: str) -> None:
    assert "private" in client.get(path).headers["Cache-Control"]

"""Money in a real browser: codes and services, tickets given back, an event that is called off."""

import os
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect

from bookings.models import Booking
from evently import audit
from evently.accounts.models import Membership, User
from events.models import Category, Event, EventService, PromoCode, RefundTerm, Service, TicketType
from events.services import publish_event
from events.tests.factories import make_event
from notifications.demo.sales import sell
from payments.models import Refund, RefundRun
from payments.runs import progress_of

from .browsing import CHROMIUM, Platform, Watch, chromium, make_concert, photograph, press, to_the_details
from .servers import web, worker

T = TypeVar("T")

BOOKINGS = int(os.environ.get("EVENTLY_CALLED_OFF", "250"))  # a thousand take minutes
LONG = 120  # seconds: a thousand refunds on a slow machine

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium: install one, or name it in the variable CHROMIUM."),
    pytest.mark.django_db(transaction=True),
]


def test_a_guest_adds_a_code_and_parking_and_gives_one_of_two_tickets_back(platform: Platform) -> None:
    event, seats = make_concert()
    RefundTerm.objects.create(event=event, days_before=1, percent=100, fee_minor=200)
    PromoCode.objects.create(organizer=event.organizer, code="TEN", canonical="ten", percent=10)
    service = Service.objects.create(organizer=event.organizer, name="Parking")
    EventService.objects.create(event=event, service=service, price_minor=800, stock=5)
    watch, email = Watch(), "ida@example.org"
    with chromium() as browser:
        page = to_the_details(browser, platform, event, seats, watch)
        page.get_by_label("How many: Parking").select_option("1")
        press(page, "button", "Update the total")
        page.get_by_text("I have a code").click()
        page.get_by_label("Code", exact=True).fill("ten")
        press(page, "button", "Apply")
        expect(page.locator(".sum__total").first).to_contain_text("€83.60")
        photograph(page, "details-code-and-parking")
        page.get_by_label("Name", exact=True).first.fill("Ida Star")
        page.get_by_label(re.compile("e-mail", re.IGNORECASE)).first.fill(email)
        page.locator('input[name="terms"]').check()
        press(page, "button", re.compile("Continue to payment"))
        expect(page.get_by_text("less €2.00 for each ticket").first).to_be_visible()
        press(page, "button", re.compile("^Pay"))
        press(page, "button", "Pay €83.60")
        expect(page.locator("article.ticket")).to_have_count(2)
        platform.inbox.wait_for(email)
        platform.inbox.letters.clear()

        press(page, "link", "Give tickets back")
        photograph(page, "return-choose")
        page.get_by_role("checkbox").first.check()
        press(page, "button", "See what goes back")
        expect(page.locator(".sum__total")).to_contain_text("€35.80")
        photograph(page, "return-quote")
        press(page, "button", "Give the ticket back")
        expect(page.locator("article.ticket")).to_have_count(1)
        expect(page.get_by_text("€35.80 goes back to you").first).to_be_visible()
        photograph(page, "return-done")
        text = platform.inbox.wait_for(email).get_body(("plain",))
        assert text is not None
        assert "€35.80 goes back to you" in text.get_content()
        wait_until(lambda: Refund.objects.filter(status="succeeded").exists())
        page.reload()
        expect(page.get_by_text("€35.80 was paid back to you")).to_be_visible()
    booking = Booking.objects.get(event=event)
    assert (booking.status, booking.payment_status, booking.quantity, booking.kept_minor) == (
        *("confirmed", "partly_refunded"),
        *(1, 200),
    )
    assert (watch.complaints, audit.complaints()) == ([], {})


def test_an_event_is_called_off_with_all_its_bookings_though_the_worker_is_killed_in_the_middle(
    transactional_db: None,
) -> None:
    event = make_sold_out()
    bookings = Booking.objects.filter(event=event)
    assert bookings.count() >= BOOKINGS
    total = sum(bookings.values_list("total_minor", flat=True))
    owner = User.objects.create_user("boss@example.org", is_staff=True)
    Membership.objects.create(organizer=event.organizer, user=owner, role="owner")
    session = sign_in(owner)
    with web(EMAIL_URL="dummymail://") as address, chromium() as browser:
        context = browser.new_context(locale="en-GB")
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": address}])
        page = context.new_page()
        with worker(site_url=address, EMAIL_URL="dummymail://"):
            page.goto(f"{address}/admin/events/event/{event.pk}/cancel/")
            expect(page.get_by_text(re.compile(r"goes back by sandbox"))).to_be_visible()
            photograph(page, "call-off")
            page.get_by_label(re.compile("Type cancel")).fill("cancel")
            press(page, "button", "Cancel the event")
            wait_until(Refund.objects.exists)
        run = ask(lambda: RefundRun.objects.get(event=event))
        left = ask(lambda: progress_of(run).left)
        assert 0 < left < run.bookings, "It was over before it could be interrupted."
        assert run.finished_at is None
        page.goto(f"{address}/admin/payments/refundrun/{run.pk}/change/")
        expect(page.get_by_text("Bookings are being cancelled")).to_be_visible()
        photograph(page, "call-off-interrupted")

        with worker(site_url=address, EMAIL_URL="dummymail://"):
            press(page, "button", "Go on now")
            wait_until(lambda: progress_of(run).paid_minor == total)
        page.goto(f"{address}/admin/payments/refundrun/{run.pk}/change/")
        expect(page.get_by_text("Everything is done")).to_be_visible()
        photograph(page, "call-off-done")
    assert dict.fromkeys(bookings.values_list("status", "payment_status")) == {("cancelled", "refunded"): None}
    assert Refund.objects.count() == bookings.count()
    assert audit.complaints("bookings", "payments") == {}


def make_sold_out() -> Event:
    """An evening of standing places with so many bookings and a few more."""
    now = timezone.now()
    event = make_event(title="Standing Ovation", status="draft", sale_starts_at=now - timedelta(days=20))
    category = Category.objects.create(event=event, name="Standing", numbered=False, capacity=3 * BOOKINGS)
    TicketType.objects.create(event=event, category=category, name="Entry", price_minor=2_000, is_default=True)
    publish_event(event_id=event.pk, actor="test")
    sell(event, share=0.98)
    return event


def sign_in(person: User) -> str:
    """The key of a session, past the password, which this process hashes in another way than the server."""
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def ask(question: Callable[[], T]) -> T:
    """Ask the database from a thread of its own: while the browser is driven, this one may not."""

    def answer() -> T:
        try:
            return question()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(answer).result()


def wait_until(is_so: Callable[[], bool]) -> None:
    """Return once it is so, asked again and again."""
    deadline = time.monotonic() + LONG
    while not ask(is_so):
        assert time.monotonic() < deadline
        time.sleep(0.02)

"""From the search to the ticket in a real browser."""

import re
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from bookings.models import Booking
from evently import audit
from payments.fake_stripe import FakeStripe

from .browsing import (
    CHROMIUM,
    Platform,
    Watch,
    chromium,
    find_event,
    make_concert,
    pay,
    photograph,
    press,
    sold,
    to_the_pay_page,
    type_card,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium: install one, or name it in the variable CHROMIUM."),
    pytest.mark.django_db(transaction=True),
]


def test_a_guest_buys_two_seats_on_the_map_and_opens_the_tickets_from_the_mail(platform: Platform) -> None:
    event, seats = make_concert()
    watch, email = Watch(), "ada@example.org"
    with chromium() as browser:
        context = browser.new_context(locale="en-GB")
        watch.look_at(context)
        page = context.new_page()
        find_event(page, platform)
        page.get_by_role("radio", name="1", exact=True).check()
        for seat in seats:
            pick_on_map(page, seat)
        photograph(page, "seats")
        press(page, "button", re.compile("Continue"))
        pay(page, email, look=photograph)
        page.get_by_role("link", name="Open on your phone").first.click()
        photograph(page, "ticket")

        letter = platform.inbox.wait_for(email)
        text = letter.get_body(("plain",))
        assert text is not None
        link = re.search(rf"{re.escape(platform.address)}/bookings/\S+/open/\S+", text.get_content())
        assert link is not None, text.get_content()
        elsewhere = browser.new_context(locale="en-GB")
        watch.look_at(elsewhere)
        phone = elsewhere.new_page()
        phone.goto(link[0])
        expect(phone.locator("article.ticket")).to_have_count(2)
    booking = sold(event, seats, email)
    assert booking.reference in text.get_content()
    assert watch.complaints == []


def pick_on_map(page: Page, seat: UUID) -> None:
    """Click the seat as a person does: the first click may only go closer."""
    box = page.locator(f'input[name="seat"][value="{seat}"]')
    shape = page.locator(f"#m{(box.get_attribute('id') or '')[1:]}")
    for _ in range(3):
        shape.click()
        if box.is_checked():
            return
    raise AssertionError(f"Clicking seat {seat} on the map does not choose it.")


def test_a_guest_buys_two_seats_from_the_list_without_javascript(platform: Platform) -> None:
    event, seats = make_concert()
    watch, email = Watch(), "grace@example.org"
    with chromium() as browser:
        context = browser.new_context(locale="en-GB", java_script_enabled=False, viewport={"width": 390, "height": 844})
        watch.look_at(context)
        page = context.new_page()
        page.goto(f"{platform.address}{event.get_absolute_url()}")
        press(page, "link", "Pick seats")
        page.locator("details.sect > summary").first.click()
        for seat in seats:
            page.locator(f'input[name="seat"][value="{seat}"]').check(force=True)
        press(page, "button", re.compile("Continue"))
        pay(page, email, look=lambda _page, _step: None)
        platform.inbox.wait_for(email)
    sold(event, seats, email)
    assert watch.complaints == []


def test_a_guest_pays_by_card_after_a_decline_and_a_question_of_the_bank(
    platform_with_stripe: Platform, company: FakeStripe
) -> None:
    event, seats = make_concert()
    watch, email = Watch(), "mary@example.org"
    with chromium() as browser:
        page = to_the_pay_page(browser, platform_with_stripe, event, seats, email, watch)
        photograph(page, "stripe-pay")
        press(page, "button", re.compile("^Pay"))
        expect(page.get_by_role("heading", level=1)).to_contain_text("8400 EUR")
        type_card(page, "4000 0000 0000 0002")
        expect(page.get_by_role("alert")).to_have_text("Your card was declined.")
        press(page, "link", "Back to the shop")
        expect(page.get_by_role("status").filter(has_text="Your payment is not finished")).to_be_visible()
        photograph(page, "stripe-not-finished")
        press(page, "button", re.compile("^Pay"))
        type_card(page, "4000 0000 0000 3220")
        press(page, "button", "Complete authentication")
        expect(page.locator("article.ticket")).to_have_count(2)
        platform_with_stripe.inbox.wait_for(email)
    booking = sold(event, seats, email)
    assert list(booking.payments.values_list("gateway", "outcome")) == [("stripe", "confirmed")]
    assert watch.complaints == []


def test_a_guest_stops_the_card_payment_and_transfers_the_money(platform_with_stripe: Platform, company: FakeStripe) -> None:
    event, seats = make_concert()
    watch, email = Watch(), "jean@example.org"
    with chromium() as browser:
        page = to_the_pay_page(browser, platform_with_stripe, event, seats, email, watch)
        press(page, "button", re.compile("^Pay"))
        press(page, "link", "Back to the shop")
        press(page, "button", "Stop this payment")
        expect(page.get_by_role("status").filter(has_text="nothing was charged")).to_be_visible()
        page.get_by_text("Bank transfer").click()
        press(page, "button", re.compile("^Pay"))
        expect(page.get_by_role("heading", level=1)).to_have_text("Now transfer the money")
        photograph(page, "transfer")
        letter = platform_with_stripe.inbox.wait_for(email)
        page.get_by_role("link", name="Pay in another way").click()
        expect(page.get_by_role("link", name="How to pay")).to_be_visible()
        photograph(page, "transfer-pay-again")
    booking = Booking.objects.get(event=event)
    text = letter.get_body(("plain",))
    assert text is not None
    assert all(word in text.get_content() for word in (booking.reference, "DE89370400440532013000", "€84.00"))
    assert list(booking.payments.order_by("created_at").values_list("gateway", "status")) == [
        ("stripe", "abandoned"),
        ("bank_transfer", "pending"),
    ]
    [session] = company.book.all("checkout.session")
    assert (session["status"], watch.complaints, audit.complaints()) == ("expired", [], {})

"""A real browser, web server, worker and mail server for journeys, and what people do in them.

Pictures of every step, narrow and wide, light and dark, are left in var/screenshots.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from bookings.models import Booking
from evently import audit
from events.models import Event, TicketType
from events.services import make_categories_from_plan, publish_event
from events.tests.factories import make_event, make_venue
from payments.fake_stripe import KEY, SECRET, FakeStripe
from venues.importing import import_seating_plan

from .servers import free_port, web, worker

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))), None
)
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking"]
SWITCHES += ["--disable-component-update", "--disable-sync"]
PICTURES = Path(settings.BASE_DIR, "var", "screenshots")
SCHEMES: Final[tuple[Literal["dark", "light"], ...]] = ("dark", "light")
PATIENCE = 30  # seconds


class Inbox:
    """What the mail server has taken."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"

    def wait_for(self, address: str) -> EmailMessage:
        """The first letter to this address, as soon as it is here."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for letter in self.letters:
                if address in str(letter["to"]):
                    return letter
            time.sleep(0.1)
        raise AssertionError(f"No letter to {address}, only to {[str(letter['to']) for letter in self.letters]}.")


@dataclass
class Platform:
    address: str
    inbox: Inbox


@pytest.fixture
def platform(transactional_db: None) -> Iterator[Platform]:
    with running_platform() as platform:
        yield platform


@contextmanager
def running_platform(**environment: str) -> Iterator[Platform]:
    inbox, port = Inbox(), free_port()
    post = Controller(inbox, hostname="127.0.0.1", port=port)
    post.start()
    environment["EMAIL_URL"] = f"smtp://127.0.0.1:{port}"
    try:
        with web(workers=2, threads=4, **environment) as address, worker(site_url=address, **environment):
            yield Platform(address, inbox)
    finally:
        post.stop()


@pytest.fixture
def company() -> Iterator[FakeStripe]:
    with FakeStripe() as company:
        yield company


@pytest.fixture
def platform_with_stripe(transactional_db: None, company: FakeStripe) -> Iterator[Platform]:
    """Cards and bank transfers are the ways to pay; Stripe knows where to send its messages."""
    with running_platform(
        EVENTLY_GATEWAYS="stripe,bank_transfer",
        EVENTLY_STRIPE_KEY=KEY,
        EVENTLY_STRIPE_WEBHOOK_SECRETS=SECRET,
        EVENTLY_STRIPE_API=company.url,
        EVENTLY_STRIPE_PAGES=company.url,
        EVENTLY_BANK_HOLDER="Evently Ltd",
        EVENTLY_BANK_IBAN="DE89370400440532013000",
    ) as platform:
        company.set_webhooks(url=f"{platform.address}/api/v1/payments/webhooks/stripe/")
        yield platform


@dataclass
class Watch:
    """What the browser complains of."""

    complaints: list[str] = field(default_factory=list)

    def look_at(self, context: BrowserContext) -> None:
        context.expose_binding("report", lambda _source, text: self.complaints.append(text))
        context.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => report(`CSP: ${e.violatedDirective} ${e.blockedURI}`))"
        )
        context.on("console", lambda message: self._hear(message.type, message.text))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("response", lambda response: self._hear("error" if response.status >= 400 else "", response.url))

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)


@contextmanager
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE * 1000)  # a slow machine is no error
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


def make_concert() -> tuple[Event, list[UUID]]:
    """A concert in the hall of 1,057 seats, on sale; and two seats side by side."""
    content = Path(settings.BASE_DIR, "demo", "hall-1057.json").read_bytes()
    plan = import_seating_plan(venue=make_venue(), content=content).plan
    event = make_event(title="Moonlight Serenade", slug="moonlight-serenade", status="draft", seating_plan=plan)
    for category in make_categories_from_plan(event=event):
        TicketType.objects.create(event=event, category=category, name="Adult", price_minor=4200, is_default=True)
    publish_event(event_id=event.pk, actor="test")
    first, second = event.seats.order_by("category__position", "position")[4:6]
    assert second.position == first.position + 1
    return event, [first.pk, second.pk]


def photograph(page: Page, step: str) -> None:
    """Take the page narrow and wide, light and dark, and leave it as it was."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844 if width < 800 else 900})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=PICTURES / f"{step}-{width}-{scheme}.png", full_page=True, animations="disabled")


def press(place: Page | Locator, role: Any, name: str | re.Pattern[str]) -> None:
    """Press the control of this name that can be seen; narrow and wide pages may each have their own."""
    place.get_by_role(role, name=name).locator("visible=true").first.click()


def find_event(page: Page, platform: Platform) -> None:
    page.goto(platform.address)
    photograph(page, "home")
    page.get_by_role("searchbox").fill("moonlight")
    page.keyboard.press("Enter")
    press(page, "link", "Moonlight Serenade")
    expect(page.get_by_role("heading", level=1)).to_have_text("Moonlight Serenade")
    photograph(page, "event")
    press(page, "link", "Pick seats")


def pay(page: Page, email: str, *, look: Callable[[Page, str], None]) -> None:
    """From the chosen seats to the tickets, looking at each page."""
    page.get_by_label("Name", exact=True).first.fill("Ada Moon")
    page.get_by_label(re.compile("e-mail", re.IGNORECASE)).first.fill(email)
    page.locator('input[name="terms"]').check()
    look(page, "details")
    press(page, "button", re.compile("Continue to payment"))
    look(page, "pay")
    press(page, "button", re.compile("^Pay"))
    look(page, "sandbox")
    press(page, "button", "Pay €84.00")
    expect(page.get_by_role("heading", level=1)).to_contain_text("going")
    expect(page.locator("article.ticket")).to_have_count(2)
    look(page, "confirmed")


def sold(event: Event, seats: list[UUID], email: str) -> Booking:
    """The booking as the database has it, when the browser is done."""
    booking = Booking.objects.get(event=event)
    assert (booking.status, booking.payment_status, booking.email) == ("confirmed", "paid", email)
    assert set(booking.seats.values_list("seat", flat=True)) == set(seats)
    assert audit.complaints() == {}
    return booking


def to_the_details(browser: Browser, platform: Platform, event: Event, seats: list[UUID], watch: Watch) -> Page:
    """These seats, held by somebody on a phone without JavaScript who is to say who they are."""
    context = browser.new_context(locale="en-GB", java_script_enabled=False, viewport={"width": 390, "height": 844})
    watch.look_at(context)
    page = context.new_page()
    page.goto(f"{platform.address}{event.get_absolute_url()}")
    press(page, "link", "Pick seats")
    page.locator("details.sect > summary").first.click()
    for seat in seats:
        page.locator(f'input[name="seat"][value="{seat}"]').check(force=True)
    press(page, "button", re.compile("Continue"))
    return page


def to_the_pay_page(browser: Browser, platform: Platform, event: Event, seats: list[UUID], email: str, watch: Watch) -> Page:
    page = to_the_details(browser, platform, event, seats, watch)
    page.get_by_label("Name", exact=True).first.fill("Mary Sun")
    page.get_by_label(re.compile("e-mail", re.IGNORECASE)).first.fill(email)
    page.locator('input[name="terms"]').check()
    press(page, "button", re.compile("Continue to payment"))
    return page


def type_card(page: Page, number: str) -> None:
    page.get_by_label("Card number").fill(number)
    press(page, "button", "Pay")

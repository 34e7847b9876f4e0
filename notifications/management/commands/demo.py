"""`manage.py demo`: accounts, halls, a programme and sold seats, to look around in. May be run again at any time."""

import os
import secrets
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from evently.accounts.models import Membership, Organizer, User
from events.models import Event
from events.services import publish_event
from notifications.demo import catalogue
from notifications.demo.prices import follow_demand
from notifications.demo.programme import find_upcoming, make_event, mark_features
from notifications.demo.sales import sell
from notifications.demo.shows import SHOWS, Show
from notifications.tasks import make_demo_events

PEOPLE: dict[str, dict[str, Any]] = {
    "customer@example.com": {"first_name": "Carla", "last_name": "Customer"},
    "organizer@example.com": {"first_name": "Oskar", "last_name": "Organizer", "is_staff": True},
    "admin@example.com": {"first_name": "Alma", "last_name": "Admin", "is_staff": True, "is_superuser": True},
}
ROLES = {"city-stage": Membership.Role.OWNER, "night-shift": Membership.Role.MANAGER}  # of organizer@example.com
EVERY = 50  # events between two words of progress


class Command(BaseCommand):
    help = "Fill this installation with accounts, halls and upcoming events to look around in. May be run again at any time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--events", type=int, help="make so many events; without it, the whole catalogue of some 500")
        parser.add_argument(
            "--rest-by-worker", action="store_true", help="make the first halls now and leave the rest of them to the worker"
        )

    def handle(self, *args: Any, events: int | None, rest_by_worker: bool, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("The demo sells seats that nobody has paid for, so it is refused in production.")
        people = self.make_people()
        shows = SHOWS[:events]
        for number, show in enumerate(shows, start=1):
            outcome = self.make_show(show, organizer=people["organizer@example.com"], regular=people["customer@example.com"])
            self.stdout.write(f"  {number:>2} of {len(shows)}  {outcome}")
        self.make_memberships(people["organizer@example.com"])
        rest = None if events is None else max(0, events - len(shows))
        if rest_by_worker:
            make_demo_events.delay(rest)
            self.stdout.write("  The worker goes on: hundreds of matches and conferences appear within a minute.")
        else:
            self.make_catalogue(rest, created_by=people["organizer@example.com"])
        catalogue.analyze()
        self.stdout.write(self.style.SUCCESS(f"The demo is ready: {settings.EVENTLY_SITE_URL}/"))

    def make_catalogue(self, count: int | None, *, created_by: User) -> None:
        wanted = catalogue.entries(count)
        pending = catalogue.missing(wanted)
        for number, entry in enumerate(pending, start=len(wanted) - len(pending) + 1):
            catalogue.make(entry, created_by=created_by)
            if number % EVERY == 0 or number == len(wanted):
                self.stdout.write(f"  {number:>4} of {len(wanted)} matches and conferences")

    @transaction.atomic
    def make_people(self) -> dict[str, User]:
        chosen = os.environ.get("EVENTLY_DEMO_PASSWORD", "")
        password = chosen or secrets.token_urlsafe(9)
        people, made = {}, []
        for email, facts in PEOPLE.items():
            user, is_new = User.objects.get_or_create(email=email, defaults=facts)
            if is_new or chosen:
                user.set_password(password)
                user.save(update_fields=["password"])
                made.append(email)
            EmailAddress.objects.update_or_create(user=user, email=email, defaults={"verified": True, "primary": True})
            people[email] = user
        if made and not chosen:
            self.stdout.write(f"Password of {', '.join(made)}: {self.style.WARNING(password)}")
            self.stdout.write("It is not shown again. Set EVENTLY_DEMO_PASSWORD and run this again to choose one.")
        return people

    def make_memberships(self, organizer: User) -> None:
        for slug, role in ROLES.items():
            for team in Organizer.objects.filter(slug=slug):
                Membership.objects.get_or_create(organizer=team, user=organizer, defaults={"role": role})

    @transaction.atomic
    def make_show(self, show: Show, *, organizer: User, regular: User) -> str:
        if event := find_upcoming(show):
            return f"{_named(event)}: there already"
        event = make_event(show, created_by=organizer)
        publish_event(event_id=event.pk, actor="demo")
        mark_features(event)
        sold = sell(event, share=show.sold, regular=regular if show.has_customer else None)
        if show.follows_demand:
            follow_demand(event)
        return f"{_named(event)}: {sold:,} of {event.seats.count():,} places sold"


def _named(event: Event) -> str:
    return f"{event}, {event.starts_at.astimezone(event.venue.zone):%a %d %b %H:%M}"

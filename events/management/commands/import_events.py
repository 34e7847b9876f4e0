"""`manage.py import_events FILE --organizer SLUG [--venue SLUG] [--time-zone ZONE] [--since DATE] [--dry-run]`"""

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import CommandError, CommandParser

from evently.accounts.models import Organizer
from evently.list_command import ListCommand, show_progress
from evently.lists import ListReport
from events.importing import import_events
from venues.models import Venue, time_zones


class Command(ListCommand):
    help = (
        "Make drafts of the dates in a calendar (.ics) or a CSV file whose first line names its columns (title, start; perhaps "
        "end, venue, category, description, time zone, uid). Good ones go in; a second run changes nothing, a later file "
        "changes the drafts. Exits with 1 if a date was refused, with 2 if the file was."
    )
    file_help = "the calendar or list, .ics or .csv"
    team_help = "the slug of the team whose events these are"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--venue", help="the slug of the team's venue for events that name none of its venues")
        parser.add_argument("--time-zone", type=_zone, help="of times that have none, like Europe/Berlin; otherwise the venue's")
        parser.add_argument(
            "--since", type=_day, help="a day like 2026-01-31: also what has ended since then; otherwise what is to come"
        )

    def read(self, *, organizer: Organizer, content: bytes, name: str, dry_run: bool, **options: Any) -> ListReport:
        return import_events(
            organizer=organizer,
            content=content,
            name=name,
            venue=self._venue(organizer, options["venue"]),
            time_zone=options["time_zone"],
            since=options["since"],
            dry_run=dry_run,
            progress=show_progress,
        )

    @staticmethod
    def _venue(organizer: Organizer, slug: str | None) -> Venue | None:
        if not slug:
            return None
        venue = Venue.objects.filter(organizer=organizer, slug=slug).first()
        if venue is None:
            own = Venue.objects.filter(organizer=organizer).order_by("slug").values_list("slug", flat=True)
            known = ", ".join(own[:20]) or "none yet"
            raise CommandError(f"The team has no venue “{slug}”. Venues: {known}.", returncode=2)
        return venue


def _zone(name: str) -> ZoneInfo:
    if name not in time_zones():
        raise ArgumentTypeError(f"“{name}” is no time zone; use a name like Europe/Berlin")
    return ZoneInfo(name)


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise ArgumentTypeError(f"“{text}” is no day like 2026-01-31") from error

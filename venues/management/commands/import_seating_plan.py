"""`manage.py import_seating_plan FILE --venue SLUG [--name NAME] [--dry-run]`"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from venues.checking import LARGEST_FILE, Problem
from venues.importing import Report, import_seating_plan
from venues.models import Venue


class Command(BaseCommand):
    help = "Import a seating plan in the open pretix format as the venue's next version. Exits with 1 if it is refused."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the plan, JSON")
        parser.add_argument("--venue", required=True, help="the venue's slug")
        parser.add_argument("--name", default="", help="what the plan is called; otherwise as in the file")
        parser.add_argument("--dry-run", action="store_true", help="only tell what would be imported and what is wrong")

    def handle(self, *args: Any, file: Path, venue: str, name: str, dry_run: bool, **options: Any) -> None:
        place = Venue.objects.filter(slug=venue).first()
        if place is None:
            known = ", ".join(Venue.objects.order_by("slug").values_list("slug", flat=True)[:20]) or "none yet"
            raise CommandError(f"There is no venue “{venue}”. Venues: {known}.")
        try:
            with file.open("rb") as stream:
                content = stream.read(LARGEST_FILE + 1)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        report = import_seating_plan(venue=place, content=content, name=name, dry_run=dry_run)
        self.tell(report)
        if report.errors:
            raise CommandError(f"Nothing was imported: {_count(report.errors, 'error')}.")
        self.stdout.write(self.style.SUCCESS(self.outcome(report, place, dry_run=dry_run)))

    def tell(self, report: Report) -> None:
        for problem in report.warnings:
            self.stdout.write(f"{self.style.WARNING('warning')}  {problem}")
        for problem in report.errors:
            self.stderr.write(f"error  {problem}")
        if report.counts:  # last, where they are seen however many problems there are
            width = max(map(len, report.counts))
            for category, seats in report.counts.items():
                self.stdout.write(f"  {category:<{width}}  {self.style.MIGRATE_LABEL(f'{seats:>7,}')}")
            self.stdout.write(f"  {'seats in all':<{width}}  {self.style.MIGRATE_HEADING(f'{report.seat_count:>7,}')}")

    def outcome(self, report: Report, venue: Venue, *, dry_run: bool) -> str:
        warnings = _count(report.warnings, "warning")
        if report.plan and report.is_known:
            return f"Nothing to do: {venue} already has this as version {report.plan.number} ({warnings})."
        if dry_run:
            return f"Nothing was changed (dry run): {report.seat_count:,} seats could be imported, {warnings}."
        number = report.plan.number if report.plan else 0
        return f"Imported {report.seat_count:,} seats into {venue} as version {number}, {warnings}."


def _count(problems: list[Problem], word: str) -> str:
    return f"{len(problems)} {word}{'' if len(problems) == 1 else 's'}"

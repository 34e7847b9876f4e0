"""`manage.py import_venues FILE --organizer SLUG [--dry-run]`"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from evently.accounts.models import Organizer
from venues.listing import LARGEST_LIST, ListReport, NoList, import_venues

SHOWN = 200  # problems of each kind; the rest is counted


class Command(BaseCommand):
    help = (
        "Import venues from a CSV file whose first line names its columns (name, city, country; perhaps capacity, latitude, "
        "longitude, address, time_zone). Delimiter and encoding are found out. Good rows go in. "
        "Exits with 1 if a row was refused, with 2 if the file was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the list, CSV")
        parser.add_argument("--organizer", required=True, help="the slug of the team that manages these venues")
        parser.add_argument("--dry-run", action="store_true", help="only tell what would be imported and what is wrong")

    def handle(self, *args: Any, file: Path, organizer: str, dry_run: bool, **options: Any) -> None:
        team = Organizer.objects.filter(slug=organizer).first()
        if team is None:
            known = ", ".join(Organizer.objects.order_by("slug").values_list("slug", flat=True)[:20]) or "none yet"
            raise CommandError(f"There is no organizer “{organizer}”. Organizers: {known}.", returncode=2)
        try:
            with file.open("rb") as stream:
                content = stream.read(LARGEST_LIST + 1)
            report = import_venues(organizer=team, content=content, dry_run=dry_run)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.", returncode=2) from error
        except NoList as refusal:
            raise CommandError(f"Nothing was imported. {refusal}", returncode=2) from refusal
        self.tell(report)
        done = "Nothing was changed (dry run); it would be" if dry_run else "Imported"
        outcome = (
            f"{done} {report.made:,} new, {report.changed:,} changed, {report.unchanged:,} as they were, of {report.rows:,} rows."
        )
        if report.refused:
            raise CommandError(f"{outcome} {len(report.refused):,} refused.")
        self.stdout.write(self.style.SUCCESS(outcome))

    def tell(self, report: ListReport) -> None:
        for stream, word, problems in (
            (self.stdout, self.style.WARNING("warning"), report.warnings),
            (self.stderr, "error", report.refused),
        ):
            for line, text in problems[:SHOWN]:
                stream.write(f"{word}  line {line}: {text}")
            if len(problems) > SHOWN:
                stream.write(f"{word}  and {len(problems) - SHOWN:,} more")

"""What the commands that import lists have in common: the file, the team, a progress bar, every problem by line, a table."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import track

from evently.accounts.models import Organizer
from evently.lists import LARGEST_LIST, ImportUnderWay, ListReport, NoList

SHOWN = 200  # problems of each kind; the rest is counted


def show_progress(rows: Sequence[Any]) -> Iterable[Any]:
    """Hand on the rows, with a bar on standard error if that is a terminal."""
    console = Console(stderr=True)
    return track(rows, "Reading", console=console, transient=True, disable=not console.is_terminal)


class ListCommand(BaseCommand):
    """Imports a list for a team. Exits with 1 if a row was refused, with 2 if the file was."""

    file_help = ""
    team_help = ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help=self.file_help)
        parser.add_argument("--organizer", required=True, help=self.team_help)
        parser.add_argument("--dry-run", action="store_true", help="only tell what would be imported and what is wrong")

    @abstractmethod
    def read(self, *, organizer: Organizer, content: bytes, name: str, dry_run: bool, **options: Any) -> ListReport:
        """Import the content of the file called `name`. May raise `NoList`."""

    def handle(self, *args: Any, file: Path, organizer: str, dry_run: bool, **options: Any) -> None:
        team = Organizer.objects.filter(slug=organizer).first()
        if team is None:
            known = ", ".join(Organizer.objects.order_by("slug").values_list("slug", flat=True)[:20]) or "none yet"
            raise CommandError(f"There is no organizer “{organizer}”. Organizers: {known}.", returncode=2)
        try:
            with file.open("rb") as stream:
                content = stream.read(LARGEST_LIST + 1)
            report = self.read(organizer=team, content=content, name=file.name, dry_run=dry_run, **options)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.", returncode=2) from error
        except (NoList, ImportUnderWay) as refusal:
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
        for name, count in report.counts.items():  # last, where it is seen however many problems there are
            self.stdout.write(f"  {name:<12}  {self.style.MIGRATE_LABEL(f'{count:>7,}')}")

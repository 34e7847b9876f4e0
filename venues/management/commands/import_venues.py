"""`manage.py import_venues FILE --organizer SLUG [--dry-run]`"""

from typing import Any

from evently.accounts.models import Organizer
from evently.list_command import ListCommand, show_progress
from evently.lists import ListReport
from venues.listing import import_venues


class Command(ListCommand):
    help = (
        "Import venues from a CSV file whose first line names its columns (name, city, country; perhaps capacity, latitude, "
        "longitude, address, time_zone). Delimiter and encoding are found out. Good rows go in. "
        "Exits with 1 if a row was refused, with 2 if the file was."
    )
    file_help = "the list, CSV"
    team_help = "the slug of the team that manages these venues"

    def read(self, *, organizer: Organizer, content: bytes, name: str, dry_run: bool, **options: Any) -> ListReport:
        return import_venues(organizer=organizer, content=content, dry_run=dry_run, progress=show_progress)

"""`manage.py cancel_event`"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from evently.money import display
from events.models import Event
from payments.runs import Plan, plan_cancelling
from payments.services import cancel_event


class Command(BaseCommand):
    help = "Cancel an event with all its bookings, and promise everybody the money back. Interrupted, call it again to go on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the end of the event's address")
        parser.add_argument("--dry-run", action="store_true", help="only tell what would be cancelled and given back")
        parser.add_argument("--yes", action="store_true", help="do not ask for the event's address as a confirmation")

    def handle(self, *args: Any, slug: str, dry_run: bool, yes: bool, **options: Any) -> None:
        event = Event.objects.filter(slug=slug).first()
        if event is None:
            raise CommandError(f"There is no event “{slug}”.", returncode=2)
        self._tell(event, plan_cancelling(event.pk))
        if dry_run:
            self.stdout.write("Nothing was changed (dry run).")
            return
        if not yes and input(f"Type {slug} to cancel it: ").strip() != slug:
            raise CommandError("Nothing was changed.")
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
            bar = bars.add_task("Cancelling")
            cancelled = cancel_event(
                event_id=event.pk, actor="command", progress=lambda done, count: bars.update(bar, completed=done, total=count)
            )
        left = plan_cancelling(event.pk).bookings
        if left:
            raise CommandError(f"{cancelled:,} bookings cancelled, {left:,} could not be: the log says why. Call it again.")
        self.stdout.write(self.style.SUCCESS(f"{cancelled:,} bookings cancelled. The worker sends the money back."))

    def _tell(self, event: Event, plan: Plan) -> None:
        self.stdout.write(
            f"{event.title}: {plan.confirmed:,} bookings with {plan.tickets:,} tickets and {plan.holds:,} holds to cancel."
        )
        for share in plan.shares:
            how = "by hand, " if share.is_by_hand else ""
            amount = display(share.due_minor, event.currency)
            self.stdout.write(f"  {amount} to give back for {share.payments:,} payments ({how}{share.gateway})")

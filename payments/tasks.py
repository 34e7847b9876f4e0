"""What the worker does for payments."""

from typing import Any
from uuid import UUID

from celery import shared_task

from . import reconciliation, services


@shared_task
def reconcile() -> None:
    """Ask the gateways about payments that they have not told the end of."""
    reconciliation.reconcile()


@shared_task
def execute_refund(refund_id: str) -> None:
    """Carry a refund out; what is lost or unknown is taken up by `reconcile`."""
    services.execute_refund(refund_id=UUID(refund_id))


@shared_task
def cancel_event(event_id: str, actor: str) -> None:
    """Cancel an event and all its bookings; interrupted, `finish_cancelling` goes on where it stopped."""
    services.cancel_event(event_id=UUID(event_id), actor=actor)


@shared_task
def finish_cancelling() -> None:
    """Cancel what is left of cancelled events: a task may fail, reach its time limit, or be lost with the broker."""
    reconciliation.finish_cancelling()


def carry_out(payload: dict[str, Any]) -> None:
    """A refund was promised: the worker carries it out."""
    execute_refund.delay(payload["refund"])

"""What the worker does for payments."""

from uuid import UUID

from celery import shared_task

from . import reconciliation, services


@shared_task
def reconcile() -> None:
    """Ask the gateways about payments that they have not told the end of."""
    reconciliation.reconcile()


@shared_task
def cancel_event(event_id: str, actor: str) -> None:
    """Cancel an event and all its bookings; killed on the way, the next delivery goes on where it stopped."""
    services.cancel_event(event_id=UUID(event_id), actor=actor)

"""What is settled between the platform and an organizer, by people who have made or seen the transfer."""

from datetime import date
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from evently.accounts.models import Organizer
from evently.database import transactional
from evently.errors import DomainError
from payments import ledger
from payments.models import Payout
from payments.statements import due


class MoreThanDue(DomainError):
    code = "payout_more_than_due"
    message = _("So much is not due.")


class WrittenDownAlready(DomainError):
    code = "payout_written_down_already"
    message = _("This was written down already.")


@transactional
def record_payout(
    *, organizer_id: UUID, kind: Payout.Kind, amount_minor: int, currency: str, paid_on: date, reference: str, actor: str
) -> Payout:
    """Write down that the platform has paid what was due to an organizer, or received what the organizer owed.

    Raises `MoreThanDue`, and `WrittenDownAlready` for a reference that is there.
    """
    balance = _lock(organizer_id, currency)
    owed = max(0, balance if kind == Payout.Kind.PAID else -balance)
    if not 0 < amount_minor <= owed:
        raise MoreThanDue
    return _write(
        Payout(
            organizer_id=organizer_id,
            kind=kind,
            amount_minor=amount_minor,
            currency=currency,
            due_minor=owed,
            paid_on=paid_on,
            reference=reference,
            recorded_by=actor,
        )
    )


@transactional
def undo_payout(*, payout_id: UUID, paid_on: date, reference: str, actor: str) -> Payout:
    """Write down that a payout was wrong, or came back: it is due as before. Raises `WrittenDownAlready`."""
    payout = Payout.objects.get(pk=payout_id)
    _lock(payout.organizer_id, payout.currency)
    if payout.kind == Payout.Kind.UNDONE:
        raise WrittenDownAlready
    return _write(
        Payout(
            organizer_id=payout.organizer_id,
            kind=Payout.Kind.UNDONE,
            amount_minor=payout.amount_minor,
            currency=payout.currency,
            due_minor=0,
            paid_on=paid_on,
            reference=reference,
            undoes=payout,
            recorded_by=actor,
        )
    )


def _lock(organizer_id: UUID, currency: str) -> int:
    """What is due to the organizer, with nobody else writing down payouts of it meanwhile."""
    Organizer.objects.select_for_update(no_key=True).get(pk=organizer_id)
    # A statement of its own: together with the lock it would add up what was before the wait.
    return due(organizer_id).get(currency, 0)


def _write(payout: Payout) -> Payout:
    try:
        with transaction.atomic():
            payout.save(force_insert=True)
    except IntegrityError as error:
        if "payments_payout_written_down_once" not in str(error) and "undoes" not in str(error):
            raise
        raise WrittenDownAlready from error
    ledger.book_payout(payout)
    return payout

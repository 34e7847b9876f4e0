"""What people write down of money that no gateway tells of: it has come, it has been sent back."""

from uuid import UUID

from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from evently.database import transactional
from evently.errors import DomainError

from .models import OfflineCharge, OfflineRefund, Payment
from .services import refresh_from_gateway, settle_from_gateway


class AlreadyRecorded(DomainError):
    code = "already_recorded"
    message = _("Somebody has recorded this before.")


def record_received(*, charge_id: UUID, amount_minor: int, note: str, actor: str) -> Payment:
    """Write down that money has come, even after its time, and let it have its effect: it buys the booking or goes back.

    Another amount than was due goes back as it came. Raises `AlreadyRecorded`. Must not be called inside a transaction.
    """
    return settle_from_gateway(payment_id=_receive(charge_id, amount_minor=amount_minor, note=note, actor=actor))


def record_sent_back(*, refund_id: UUID, note: str, actor: str) -> OfflineRefund:
    """Write down that somebody has sent the money back, and let the refund be paid. Raises `AlreadyRecorded`.

    Must not be called inside a transaction.
    """
    if not OfflineRefund.objects.filter(pk=refund_id, done_at=None).update(done_at=Now(), note=note, recorded_by=actor):
        raise AlreadyRecorded
    refund = OfflineRefund.objects.select_related("charge").get(pk=refund_id)
    refresh_from_gateway(payment_id=refund.charge.payment_id)
    return refund


@transactional
def _receive(charge_id: UUID, *, amount_minor: int, note: str, actor: str) -> UUID:
    charge = OfflineCharge.objects.lock().get(pk=charge_id)
    if charge.status == OfflineCharge.Status.RECEIVED:
        raise AlreadyRecorded
    OfflineCharge.objects.filter(pk=charge_id).update(
        status=OfflineCharge.Status.RECEIVED, received_minor=amount_minor, received_at=Now(), note=note, recorded_by=actor
    )
    return charge.payment_id

"""The first page of the desk: what is next, and what needs somebody."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import F, Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import ngettext

from evently.outbox.models import OutboxMessage
from events.models import Event
from notifications.models import Delivery
from payments.models import OfflineRefund, Refund, RefundApproval

if TYPE_CHECKING:
    from .site import Desk

NEXT = 6


@dataclass(frozen=True, slots=True)
class Task:
    text: str
    url: str


def overview(desk: "Desk", request: HttpRequest) -> dict[str, Any]:
    """The next events of the person's teams and what waits for them: one query each, none for what is not theirs to see."""

    def rows(model: type[Model]) -> Any:
        return desk.get_model_admin(model).get_queryset(request)

    drafts = rows(Event).filter(status=Event.Status.DRAFT).count()
    refunds = rows(Refund).filter(status=Refund.Status.FAILED).count()
    failed = rows(Delivery).filter(status=Delivery.Status.FAILED).count()
    dead = rows(OutboxMessage).exclude(dead_at=None).count()
    waiting = rows(RefundApproval).filter(status=RefundApproval.Status.WAITING).count()
    by_hand = rows(OfflineRefund).filter(done_at=None).count()
    found = (
        (
            waiting,
            ngettext("%d refund waits for a colleague who agrees", "%d refunds wait for a colleague who agrees", waiting),
            "payments_refundapproval",
            "status__exact=waiting",
        ),
        (
            by_hand,
            ngettext("%d refund is to be sent by hand", "%d refunds are to be sent by hand", by_hand),
            "payments_offlinerefund",
            "done_at__isempty=1",
        ),
        (refunds, ngettext("%d refund failed", "%d refunds failed", refunds), "payments_refund", "status__exact=failed"),
        (
            failed,
            ngettext("%d mail did not arrive", "%d mails did not arrive", failed),
            "notifications_delivery",
            "status__exact=failed",
        ),
        (dead, ngettext("%d message was given up", "%d messages were given up", dead), "outbox_outboxmessage", "state=dead"),
        (
            drafts,
            ngettext("%d draft is not published yet", "%d drafts are not published yet", drafts),
            "events_event",
            "status__exact=draft",
        ),
    )
    coming = rows(Event).upcoming().with_list_fields().annotate(taken=F("summary__capacity") - F("summary__free"))
    return {
        "events": coming.order_by("starts_at")[:NEXT],
        "tasks": [
            Task(text % count, f"{reverse(f'admin:{name}_changelist')}?{query}") for count, text, name, query in found if count
        ],
        "may_add": desk.get_model_admin(Event).has_add_permission(request),
    }

"""What the desk says before an event is cancelled."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evently.templatetags.evently import money_exact
from payments.runs import Plan


def cancelling_facts(plan: Plan, currency: str) -> Iterator[str]:
    """What would be cancelled and given back, in sentences."""
    bookings = ngettext("%(count)d booking is cancelled", "%(count)d bookings are cancelled", plan.confirmed)
    tickets = ngettext("with %(count)d ticket.", "with %(count)d tickets.", plan.tickets)
    yield f"{bookings % {'count': plan.confirmed}} {tickets % {'count': plan.tickets}}"
    if plan.holds:
        yield ngettext("%(count)d hold ends.", "%(count)d holds end.", plan.holds) % {"count": plan.holds}
    for share in plan.shares:
        told = {"amount": money_exact(share.due_minor, currency), "count": share.payments, "gateway": share.gateway}
        yield (
            ngettext(
                "%(amount)s of %(count)d payment has to be sent back by you.",
                "%(amount)s of %(count)d payments has to be sent back by you.",
                share.payments,
            )
            if share.is_by_hand
            else ngettext(
                "%(amount)s of %(count)d payment goes back by %(gateway)s.",
                "%(amount)s of %(count)d payments goes back by %(gateway)s.",
                share.payments,
            )
        ) % told
    yield _("Everybody is told by e-mail. This cannot be undone.")

"""Give tickets back: choose them, see what goes back, agree."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from evently.errors import DomainError
from evently.templatetags.evently import money_exact
from payments import services as payments
from payments.quotes import NotReturnable, quote_return

from .buyer import buyer_of, own_booking
from .models import Booking
from .services import NoSuchTickets


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def return_tickets(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what goes back for the tickets that were chosen, and take them back once the buyer agrees to exactly that."""
    booking = own_booking(request, pk)
    if booking.status != Booking.Status.CONFIRMED:
        return redirect(booking)
    is_agreed = request.method == "POST"
    typed = request.POST if is_agreed else request.GET
    live = {str(line.pk): line.pk for line in booking.live_seats}
    tickets = typed.getlist("ticket")
    if is_agreed and not live.keys() >= set(tickets):  # sent twice: another ticket was not meant
        messages.error(request, str(NoSuchTickets.message))
        return redirect(booking)
    chosen = [live[pk] for pk in tickets if pk in live]
    if not is_agreed and len(live) == 1:
        chosen = list(live.values())
    context: dict[str, Any] = {"booking": booking, "event": booking.event}
    try:
        offer = quote_return(booking)
        quote = quote_return(booking, chosen) if chosen else None
        if is_agreed and chosen:
            return _take_back(request, booking, chosen)
    except NotReturnable as refusal:
        return render(request, "bookings/not_returnable.html", context | {"reason": str(refusal)}, status=refusal.status)
    except payments.QuoteChanged as refusal:
        context |= {"quote": refusal.quote, "offer": offer, "changed": str(refusal)}
        return render(request, "bookings/return.html", context, status=refusal.status)
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return redirect(booking)
    context |= {"quote": quote, "offer": offer, "missed": not chosen and "see" in typed}
    return render(request, "bookings/return.html", context)


def _take_back(request: HttpRequest, booking: Booking, chosen: Sequence[UUID]) -> HttpResponse:
    told = request.POST.get("expected", "")
    expected = int(told) if told.isascii() and told.isdigit() and len(told) < 19 else -1  # never what goes back
    refund = payments.return_tickets(
        booking_id=booking.pk, line_ids=chosen, expected_minor=expected, actor=str(buyer_of(request))
    )
    done = ngettext("Your ticket is void now.", "%(count)d tickets are void now.", len(chosen)) % {"count": len(chosen)}
    if refund:
        amount = money_exact(refund.amount_minor, refund.currency)
        done += " " + _("%(amount)s goes back to you.") % {"amount": amount}
    messages.success(request, done)
    return redirect(booking)

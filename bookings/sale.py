"""Who buys, what is on sale, and within which limits: the first statements of every hold."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from evently.errors import DomainError
from events.models import Event, TicketType

EVERYBODY, WITH_CODE, BY_TEAM = TicketType.SoldTo.values

# Nobody may hold the hall without paying. Seats held at once of one event: by one person or browser, and by one network
# address, which a school or an office may share. `EVENTLY_RATE_LIMITS=off` lifts these, never an organizer's limits.
HELD_PER_BUYER, HELD_PER_ADDRESS = 20, 60

# The ORM has no KEY SHARE: it lets other holds pass, and `stop_sale` waits for it. The buyer's locks are taken here so that
# the next statement counts under them; taken and counted in one, the count would be from before the wait.
OPEN = """
SELECT sale_starts_at, sale_ends_at, currency, max_per_booking, max_per_customer, statement_timestamp(),
    (SELECT count(pg_advisory_xact_lock(hashtextextended(key, 0))) FROM unnest(%(keys)s::text[]) AS key),
    (SELECT json_agg(json_build_array(t.id, t.category_id, c.numbered, t.price_minor, t.is_default, t.name,
            t.min_per_booking, t.max_per_booking, t."limit" IS NOT NULL, t.sold_to,
            coalesce(t.sale_starts_at <= statement_timestamp(), TRUE) AND coalesce(t.sale_ends_at > statement_timestamp(), TRUE)))
     FROM events_tickettype t JOIN events_category c ON c.id = t.category_id WHERE t.event_id = e.id)
FROM events_event e WHERE id = %(event)s AND status = 'published' FOR KEY SHARE
"""

# `Booking.objects.live()` summed up, by hand: composing it by the ORM took a third of a hold's processor time.
TAKEN = """
SELECT coalesce(sum(quantity) FILTER (WHERE mine AND status = 'confirmed'), 0),
    coalesce(sum(quantity) FILTER (WHERE mine AND status <> 'confirmed'), 0),
    coalesce(sum(quantity) FILTER (WHERE address = %(address)s AND status <> 'confirmed'), 0),
    coalesce(bool_or(total_minor = 0) FILTER (WHERE mine), FALSE)
FROM (
    SELECT *, coalesce(user_id = %(user)s, FALSE) OR (session = %(session)s AND session <> '') AS mine FROM bookings_booking
    WHERE event_id = %(event)s AND (status = 'confirmed' OR (status IN ('held', 'paying') AND expires_at > statement_timestamp()))
        AND (user_id = %(user)s OR (session = %(session)s AND session <> '')
            OR (address = %(address)s AND status IN ('held', 'paying')))
        AND id IS DISTINCT FROM %(beside)s
) booking
"""

# Live uses of limited ticket types: sold, or held and not lapsed, by the booking that the seat itself names as its holder.
TYPE_LIMITS = """
SELECT id, "limit", name FROM events_tickettype WHERE id = ANY(%s::uuid[]) AND "limit" IS NOT NULL ORDER BY id FOR NO KEY UPDATE
"""
TYPE_USES = """
SELECT l.ticket_type_id, count(*) FROM bookings_bookingseat l JOIN events_seat s ON s.id = l.seat_id AND s.holder = l.booking_id
WHERE l.ticket_type_id = ANY(%s::uuid[]) AND l.released_at IS NULL AND (s.status = 'sold' OR s.held_until > statement_timestamp())
    AND l.booking_id IS DISTINCT FROM %s
GROUP BY 1
"""


class EventNotFound(DomainError):
    code = "not_found"
    message = _("There is no such event.")
    status = 404


class NotOnSale(DomainError):
    code = "not_on_sale"
    message = _("This is not on sale at the moment.")


class LimitReached(DomainError):
    code = "limit_reached"
    message = _("That is more than one customer may have.")


class AlreadyRegistered(DomainError):
    code = "already_registered"
    message = _("You are already registered for this event.")


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who books: a person with an account, the browser session of a guest, or both. `address` is a keyed hash of the
    network address, empty when unknown."""

    user_id: UUID | None = None
    session: str = ""
    address: str = ""

    def __str__(self) -> str:
        return f"session:{self.session[:8]}" if self.user_id is None else f"user:{self.user_id}"

    @property
    def owner(self) -> str:
        """Whose idempotency keys these are."""
        return f"session:{self.session}" if self.user_id is None else f"user:{self.user_id}"

    @property
    def bookings(self) -> Q:
        """Selects what is this buyer's own."""
        own = Q(user=self.user_id) if self.user_id else Q(pk=None)
        return own | Q(session=self.session) if self.session else own

    def keys(self, event_id: UUID) -> list[str]:
        """What is locked while this buyer's limits are counted, always in this order."""
        known = {"user": self.user_id, "session": self.session, "address": settings.EVENTLY_RATE_LIMITS and self.address}
        return [f"{event_id} {kind}:{value}" for kind, value in known.items() if value]


class Offer(NamedTuple):
    """A ticket type as it is sold now; price in minor units."""

    id: UUID
    category_id: UUID
    numbered: bool
    price_minor: int
    is_default: bool
    name: str
    min_per_booking: int
    max_per_booking: int | None
    is_limited: bool
    sold_to: str
    is_open: bool

    @classmethod
    def parse(cls, row: list[Any]) -> Self:
        ticket_type, category, *rest = row
        return cls(UUID(ticket_type), UUID(category), *rest)


@dataclass(frozen=True, slots=True)
class Sale:
    """An event that may be sold from, guarded until the end of the transaction against being cancelled."""

    event_id: UUID
    starts_at: datetime
    ends_at: datetime
    currency: str
    max_per_booking: int
    max_per_customer: int | None
    clock: datetime
    offers: Mapping[UUID, Offer]

    @classmethod
    def open(cls, *, event_id: UUID, buyer: Buyer, by_team: bool = False) -> Self:
        """Lock out the cancelling of the event and other holds of this buyer; refuse what is not on sale now.

        `by_team`: it is not sold but given, for which the sale need not be open.
        """
        with connection.cursor() as cursor:
            cursor.execute(OPEN, {"event": event_id, "keys": buyer.keys(event_id)})
            row = cursor.fetchone()
        if row is None:
            if Event.objects.public().filter(pk=event_id).exists():
                raise NotOnSale
            raise EventNotFound
        *facts, _locked, offers = row
        fields: list[Any] = [event_id, *facts, {offer.id: offer for offer in map(Offer.parse, offers or [])}]
        sale = cls(*fields)
        if by_team:
            return sale
        if sale.clock < sale.starts_at:
            raise NotOnSale(_("The sale has not started yet."))
        if sale.clock >= sale.ends_at:
            raise NotOnSale(_("The sale of this event has ended."))
        return sale

    def given(self, ticket_type_id: UUID) -> Offer:
        """The ticket type that the team gives."""
        offer = self.offers.get(ticket_type_id)
        if offer is None or offer.sold_to != BY_TEAM:
            raise NotOnSale(_("This ticket type is not given away."))
        return offer

    def offer(self, ticket_type_id: UUID | None, *, category_id: UUID | None = None, opened: Collection[UUID] = ()) -> Offer:
        """The wished ticket type, or the default one of the seat's category. `opened`: those that a code opens.

        Others that are not for everybody are refused like those that do not exist.
        """
        for offer in self.offers.values():
            right_place = category_id is None or offer.category_id == category_id
            is_shown = offer.sold_to == EVERYBODY or (offer.sold_to == WITH_CODE and offer.id in opened)
            if is_shown and right_place and (offer.id == ticket_type_id or (ticket_type_id is None and offer.is_default)):
                if not offer.is_open:
                    raise NotOnSale(_("“%(name)s” is not on sale at the moment.") % {"name": offer.name})
                return offer
        raise NotOnSale(_("This ticket type is not sold for this place."))

    def admit(self, *, buyer: Buyer, quantity: int, beside: UUID | None = None) -> bool:
        """Refuse a booking of `quantity` seats that goes beyond the limits, not counting the booking `beside`.

        Returns whether the buyer has a booking of this event that costs nothing, for `check_offers`.
        """
        if quantity > self.max_per_booking:
            raise LimitReached(
                ngettext("At most %(most)d ticket per booking.", "At most %(most)d tickets per booking.", self.max_per_booking)
                % {"most": self.max_per_booking}
            )
        capped = settings.EVENTLY_RATE_LIMITS
        wish = {"event": self.event_id, "user": buyer.user_id, "session": buyer.session, "beside": beside}
        with connection.cursor() as cursor:
            cursor.execute(TAKEN, wish | {"address": buyer.address if capped and buyer.address else None})
            bought, held, held_at_address, registered = cursor.fetchone()
        if self.max_per_customer is not None and bought + held + quantity > self.max_per_customer:
            raise LimitReached(per_customer(self.max_per_customer))
        if capped and (held + quantity > HELD_PER_BUYER or held_at_address + quantity > HELD_PER_ADDRESS):
            raise LimitReached(_("Too many seats are held without being paid. Please finish or give back what you hold first."))
        return bool(registered)

    def check_offers(self, offers: Iterable[Offer], *, registered: bool) -> None:
        """Refuse what goes against the rules of its ticket type, or a second registration that costs nothing."""
        wished = Counter(offers)
        for offer, quantity in wished.items():
            if quantity < offer.min_per_booking:
                raise LimitReached(
                    _("“%(name)s” is sold from %(least)d tickets on.") % {"name": offer.name, "least": offer.min_per_booking}
                )
            if offer.max_per_booking is not None and quantity > offer.max_per_booking:
                raise LimitReached(
                    _("At most %(most)d of “%(name)s” per booking.") % {"name": offer.name, "most": offer.max_per_booking}
                )
        if registered and not any(offer.price_minor for offer in wished):
            raise AlreadyRegistered

    def check_type_limits(self, offers: Iterable[Offer], *, beside: UUID | None = None) -> None:
        """Refuse when a limited ticket type has too few left. After the seats' locks, which the limited rows follow."""
        wished = Counter(offer.id for offer in offers if offer.is_limited)
        if not wished:
            return
        with connection.cursor() as cursor:
            cursor.execute(TYPE_LIMITS, [list(wished)])
            limits = cursor.fetchall()
            # A statement of its own: counted together with the lock, it would count what was before the wait.
            cursor.execute(TYPE_USES, [list(wished), beside])
            uses = dict(cursor.fetchall())
        for pk, limit, name in limits:
            if uses.get(pk, 0) + wished[pk] > limit:
                left = max(0, limit - uses.get(pk, 0))
                raise LimitReached(_("Of “%(name)s” only %(left)d are left.") % {"name": name, "left": left})


def per_customer(most: int) -> str:
    """What a customer hears who wants more than the organizer gives to one person."""
    return ngettext("At most %(most)d ticket per customer.", "At most %(most)d tickets per customer.", most) % {"most": most}

"""What is sold: events, their categories of places, ticket types and seats."""

from .event import POSTERS, Event, EventQuerySet, Series, VenueDay
from .offer import Category, TicketType
from .pricing import PriceChange, PricingRule
from .promo import LONGEST_CODE, PromoCode, canonical_code
from .refund import RefundTerm
from .seat import FREE, NOBODY, Seat, SeatQuerySet
from .service import EventService, Service
from .summary import EventSummary

__all__ = [
    "FREE",
    "LONGEST_CODE",
    "NOBODY",
    "POSTERS",
    "Category",
    "Event",
    "EventQuerySet",
    "EventService",
    "EventSummary",
    "PriceChange",
    "PricingRule",
    "PromoCode",
    "RefundTerm",
    "Seat",
    "SeatQuerySet",
    "Series",
    "Service",
    "TicketType",
    "VenueDay",
    "canonical_code",
]

"""What is sold: events, their categories of places, ticket types and seats."""

from .event import POSTERS, Event, EventQuerySet, Series, VenueDay
from .offer import Category, TicketType
from .pricing import PriceChange, PricingRule
from .seat import FREE, NOBODY, Seat, SeatQuerySet
from .summary import EventSummary

__all__ = [
    "FREE",
    "NOBODY",
    "POSTERS",
    "Category",
    "Event",
    "EventQuerySet",
    "EventSummary",
    "PriceChange",
    "PricingRule",
    "Seat",
    "SeatQuerySet",
    "Series",
    "TicketType",
    "VenueDay",
]

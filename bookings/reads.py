"""The list of one's bookings, kept for two minutes while the database says that nothing in it has changed."""

import hashlib
from collections.abc import Callable
from typing import Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q

from evently.caching import Kind, remember

from .models import Booking

T = TypeVar("T")

BOOKINGS: Final = Kind("bookings", seconds=120)

# What a list of bookings is made of. `xmin` names the transaction that wrote a row as it is: whoever changes a row, by whatever
# statement, changes this. What time alone changes is told by the database's clock.
MARK: Final = """
SELECT md5(coalesce(string_agg(mark, ' ' ORDER BY mark), '')) FROM (
    SELECT concat_ws(',', b.id, b.xmin, b.expires_at <= statement_timestamp(), e.xmin, e.ends_at <= statement_timestamp(),
        v.xmin, p.xmin) AS mark
    FROM bookings_booking b JOIN events_event e ON e.id = b.event_id JOIN venues_venue v ON v.id = e.venue_id
        LEFT JOIN events_promocode p ON p.id = b.promo_code_id
    WHERE b.id = ANY(%(own)s)
    UNION ALL
    SELECT concat_ws(',', l.id, l.xmin, s.xmin) FROM bookings_bookingseat l JOIN events_seat s ON s.id = l.seat_id
    WHERE l.booking_id = ANY(%(own)s) AND l.released_at IS NULL
    UNION ALL
    SELECT concat_ws(',', id, xmin) FROM bookings_ticket WHERE booking_id = ANY(%(own)s)
    UNION ALL
    SELECT concat_ws(',', l.id, l.xmin, o.xmin, s.xmin) FROM bookings_bookingservice l
        JOIN events_eventservice o ON o.id = l.event_service_id JOIN events_service s ON s.id = o.service_id
    WHERE l.booking_id = ANY(%(own)s)
) AS part
"""


def remember_own(owner: Q, part: str, compute: Callable[[], T]) -> T:
    """What `compute` makes of the bookings of this owner, or what it made of them as they are now; `part` says which list it is.

    Nothing has to be forgotten: what is kept is found by the state of all rows that it was made of, and by nothing else. So
    nobody finds the list of another person, nor one from before a change that was committed.
    """
    if not settings.EVENTLY_READ_CACHE:
        return compute()
    own = list(Booking.objects.filter(owner).order_by("pk").values_list("pk", flat=True))
    name = hashlib.blake2b(part.encode(), digest_size=12).hexdigest()
    return remember(BOOKINGS, _mark(own), compute, part=name) if own else compute()


def _mark(own: list[UUID]) -> str:
    with connection.cursor() as cursor:
        cursor.execute(MARK, {"own": own})
        mark: str = cursor.fetchone()[0]
    return mark

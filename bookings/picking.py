"""Which places are the best ones left. Reads without locks: a proposal, that the lock may refuse."""

from typing import Any
from uuid import UUID

from django.db import connection

# One of the best CHOICE proposals at random: buyers of the same second must not all want the same four seats.
CHOICE = 16
# The first window answers nearly always; the wider ones cost milliseconds and are reached when single leftover seats
# fill the smaller one. None looks at everything.
WINDOWS = (256, 1024, 4096, None)

# Islands: `position` minus the running number is the same for neighbours. Each island is cut into blocks of the party's
# size from its left end, so that proposals do not overlap; blocks that leave a single seat come last.
ADJACENT = """
WITH available AS (
    SELECT id, position, rank FROM events_seat
    WHERE event_id = %(event)s AND category_id = %(category)s AND status = 'available'
    ORDER BY rank LIMIT %(window)s
), place AS (
    SELECT * FROM available
    UNION ALL
    -- Lapsed holds only when the window is not full of available places: asked once, before this arm is looked at.
    SELECT id, position, rank FROM events_seat
    WHERE coalesce((SELECT count(*) FROM available) < %(window)s, TRUE)
        AND event_id = %(event)s AND category_id = %(category)s AND status = 'held' AND held_until <= statement_timestamp()
), neighbour AS (
    SELECT *, position - row_number() OVER (ORDER BY position) AS island FROM place
), counted AS (
    SELECT *, position - min(position) OVER same AS before, max(position) OVER same - position AS after
    FROM neighbour WINDOW same AS (PARTITION BY island)
), best AS (
    SELECT array_agg(id) AS seats, min(before) = 1 OR min(after) = 1 AS leaves_single FROM counted
    GROUP BY island, before / %(quantity)s
    HAVING count(*) = %(quantity)s
    ORDER BY leaves_single, sum(rank) LIMIT %(choice)s
)
SELECT (SELECT seats FROM best ORDER BY leaves_single, random() LIMIT 1), (SELECT count(*) FROM available)
"""

# Available places first, lapsed ones only for what is missing: two searches, each on its own partial index.
APART = """
WITH place AS (
    (SELECT id, rank, FALSE AS lapsed FROM events_seat
     WHERE event_id = %(event)s AND category_id = %(category)s AND status = 'available'
     ORDER BY rank LIMIT %(choice)s * %(quantity)s)
    UNION ALL
    (SELECT id, rank, TRUE FROM events_seat
     WHERE event_id = %(event)s AND category_id = %(category)s AND status = 'held' AND held_until <= statement_timestamp()
     ORDER BY held_until LIMIT %(quantity)s)
), counted AS (
    SELECT *, row_number() OVER (ORDER BY lapsed, rank) - 1 AS before FROM place
)
SELECT array_agg(id) FROM counted
GROUP BY before / %(quantity)s HAVING count(*) = %(quantity)s
ORDER BY bool_or(lapsed), random() LIMIT 1
"""


def best_available(*, event_id: UUID, category_id: UUID, quantity: int, adjacent: bool) -> list[UUID]:
    """Propose `quantity` free places, next to each other while such are left; nothing if there are not enough."""
    wish: dict[str, Any] = {"event": event_id, "category": category_id, "quantity": quantity, "choice": CHOICE}
    with connection.cursor() as cursor:
        for window in WINDOWS if adjacent else ():
            cursor.execute(ADJACENT, wish | {"window": window})
            seats, looked_at = cursor.fetchone()
            if seats:
                return list(seats)
            if window is None or looked_at < window:
                break  # that was everything
        cursor.execute(APART, wish)
        found = cursor.fetchone()
    return list(found[0]) if found else []

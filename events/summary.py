"""What lists and search show of an event, counted from its seats: a hint, a few seconds old at most while the worker runs."""

from collections.abc import Collection
from uuid import UUID

from django.db import connection

# The lowest price that is open now where places are free, or else the lowest there is. Rows are written in the order of
# their key, so that two refreshes cannot deadlock, and one that waited with older counts does not undo a newer one.
REFRESH = """
WITH place AS (
    SELECT event_id, category_id, count(*) FILTER (WHERE status <> 'blocked') AS capacity,
        count(*) FILTER (WHERE status = 'available' OR (status = 'held' AND held_until <= statement_timestamp())) AS free
    FROM events_seat WHERE event_id = ANY(%(events)s::uuid[]) GROUP BY event_id, category_id
), counted AS (
    SELECT event_id, sum(capacity) AS capacity, sum(free) AS free,
        jsonb_object_agg(category_id, jsonb_build_array(free, capacity)) AS places
    FROM place GROUP BY event_id
), price AS (
    SELECT t.event_id, min(t.price_minor) AS lowest, min(t.price_minor) FILTER (
        WHERE place.free > 0 AND coalesce(t.sale_starts_at <= statement_timestamp(), TRUE)
            AND coalesce(t.sale_ends_at > statement_timestamp(), TRUE)) AS lowest_open
    FROM events_tickettype t LEFT JOIN place ON place.category_id = t.category_id
    WHERE t.event_id = ANY(%(events)s::uuid[]) AND t.sold_to = 'everybody' GROUP BY t.event_id
)
INSERT INTO events_eventsummary AS old (event_id, free, capacity, places, price_from_minor, refreshed_at)
SELECT e.id, coalesce(counted.free, 0), coalesce(counted.capacity, 0), coalesce(counted.places, '{}'),
    coalesce(price.lowest_open, price.lowest), statement_timestamp()
FROM events_event e LEFT JOIN counted ON counted.event_id = e.id LEFT JOIN price ON price.event_id = e.id
WHERE e.id = ANY(%(events)s::uuid[]) ORDER BY e.id
ON CONFLICT (event_id) DO UPDATE SET free = EXCLUDED.free, capacity = EXCLUDED.capacity, places = EXCLUDED.places,
    price_from_minor = EXCLUDED.price_from_minor, refreshed_at = EXCLUDED.refreshed_at
WHERE old.refreshed_at <= EXCLUDED.refreshed_at
"""


def refresh(event_ids: Collection[UUID]) -> None:
    """Count the free places and find the lowest price of these events anew. Lapsed holds count as free."""
    with connection.cursor() as cursor:
        cursor.execute(REFRESH, {"events": list(event_ids)})

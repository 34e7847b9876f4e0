"""What must be true of events and their seats."""

from evently.audit import register

register(
    "events.seat_state",
    "Every seat is available, held until a time, sold or blocked, and nothing in between.",
    """
    SELECT id, concat_ws(' ', 'Seat', section, "row", number, 'is', status, 'for', coalesce(holder::text, 'nobody'), 'until',
        coalesce(held_until::text, 'ever')) AS what
    FROM events_seat
    WHERE (status, holder IS NULL, held_until IS NULL) NOT IN (
        ('available', TRUE, TRUE), ('blocked', TRUE, TRUE), ('held', FALSE, FALSE), ('sold', FALSE, TRUE))
    """,
    remedy="Look for the seat's live booking. If there is one, give it to that booking; if not, make it available.",
)
register(
    "events.seat_position",
    "No two seats of an event are the same place.",
    """
    SELECT event_id AS id, e.title || ' has ' || seats || ' seats at position ' || position AS what
    FROM (SELECT event_id, position, count(*) AS seats FROM events_seat GROUP BY 1, 2 HAVING count(*) > 1) twice
    JOIN events_event e ON e.id = event_id
    """,
    remedy="Stop the sale of the event and block the seats that are not sold until the plan was compared with the hall.",
)
register(
    "events.category",
    "Seats and ticket types belong to the same event as their category.",
    """
    SELECT s.id, concat_ws(' ', 'Seat', s.section, s."row", s.number, 'is in a category of another event') AS what
    FROM events_seat s JOIN events_category c ON c.id = s.category_id WHERE c.event_id <> s.event_id
    UNION ALL
    SELECT t.id, 'Ticket type ' || t.name || ' is in a category of another event'
    FROM events_tickettype t JOIN events_category c ON c.id = t.category_id WHERE c.event_id <> t.event_id
    """,
    remedy="Stop the sale of both events: prices of the one would be asked for places of the other.",
)
register(
    "events.price",
    "A ticket type of a public event costs what the last change of its price says.",
    """
    SELECT t.id, e.title || ', ' || t.name || ' costs ' || t.price_minor || ', its last change says '
        || coalesce(last.new_minor::text, 'nothing') AS what
    FROM events_tickettype t JOIN events_event e ON e.id = t.event_id AND e.status IN ('published', 'postponed')
    LEFT JOIN (SELECT DISTINCT ON (ticket_type_id) ticket_type_id, new_minor FROM events_pricechange
        ORDER BY ticket_type_id, created_at DESC, id DESC) last ON last.ticket_type_id = t.id
    WHERE last.new_minor <> t.price_minor OR (last.new_minor IS NULL AND t.base_price_minor IS NOT NULL)
    """,
    remedy="Somebody set a price past the application. Set it again on the event's page, which writes it down.",
)
register(
    "events.price_bounds",
    "A price that rules have made is between their highest floor and their lowest ceiling.",
    """
    SELECT t.id, e.title || ', ' || t.name || ' costs ' || t.price_minor || ', its rules allow ' || bound.floor || ' to '
        || coalesce(bound.ceiling::text, 'any price') AS what
    FROM events_tickettype t JOIN events_event e ON e.id = t.event_id AND e.status IN ('published', 'postponed')
    JOIN LATERAL (
        SELECT coalesce(max(r.floor_minor), 0) AS floor, min(r.ceiling_minor) AS ceiling FROM events_pricingrule r
        WHERE r.event_id = t.event_id AND r.is_active AND coalesce(r.category_id = t.category_id, TRUE)
            AND coalesce(r.ticket_type_id = t.id, TRUE)
    ) bound ON TRUE
    WHERE t.base_price_minor IS NOT NULL
        AND (t.price_minor > bound.ceiling OR t.price_minor < least(bound.floor, coalesce(bound.ceiling, bound.floor)))
    """,
    remedy="Save the event's page: its prices are set anew. If they are wrong again, switch the rules off and report it.",
)
register(
    "events.summary",
    "What lists show of an event is within its seats.",
    """
    SELECT m.event_id AS id, e.title || ' shows ' || m.free || ' free of ' || m.capacity || ', but has ' || coalesce(s.seats, 0)
        || ' seats' AS what
    FROM events_eventsummary m JOIN events_event e ON e.id = m.event_id
    LEFT JOIN (SELECT event_id, count(*) AS seats FROM events_seat GROUP BY 1) s ON s.event_id = m.event_id
    WHERE m.free > m.capacity OR m.capacity > coalesce(s.seats, 0)
    """,
    remedy="Nothing is sold by it. Run the worker, which refreshes it, and report the event if it comes back.",
)

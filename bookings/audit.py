"""What must be true of bookings, and of the seats that they hold."""

from evently.audit import register

STOP = "Stop the sale of the event, keep the database as it is, and report this with the output of the audit."

register(
    "bookings.seat_sold_once",
    "No seat is in two live bookings.",
    """
    SELECT s.id, concat_ws(' ', 'Seat', s.section, s."row", s.number, 'is in', string_agg(b.reference, ' and ')) AS what
    FROM (SELECT seat_id FROM bookings_bookingseat WHERE released_at IS NULL GROUP BY 1 HAVING count(*) > 1) twice
    JOIN bookings_bookingseat l ON l.seat_id = twice.seat_id AND l.released_at IS NULL
    JOIN bookings_booking b ON b.id = l.booking_id JOIN events_seat s ON s.id = l.seat_id
    GROUP BY s.id
    """,
    remedy=STOP + " The seat's holder is who owns it; the other buyer must be offered another seat or the money.",
)
register(
    "bookings.seat_and_holder",
    "A seat that is taken and the live booking of its holder name each other.",
    """
    SELECT coalesce(s.id, l.seat_id) AS id, CASE
        WHEN s.id IS NULL THEN 'A live booking has a seat that does not name it as its holder'
        ELSE concat_ws(' ', 'Seat', s.section, s."row", s.number, 'is', s.status, 'for a booking that does not have it')
        END AS what
    FROM (SELECT * FROM events_seat WHERE holder IS NOT NULL) s
    FULL JOIN (SELECT * FROM bookings_bookingseat WHERE released_at IS NULL) l ON l.seat_id = s.id AND l.booking_id = s.holder
    WHERE s.id IS NULL OR l.id IS NULL
    """,
    remedy=STOP,
)
register(
    "bookings.sold_is_confirmed",
    "A seat is sold when its booking is confirmed, and only then.",
    """
    SELECT s.id, concat_ws(' ', 'Seat', s.section, s."row", s.number, 'is', s.status, 'for', b.reference, 'that is', b.status)
        AS what
    FROM events_seat s JOIN bookings_booking b ON b.id = s.holder
    WHERE (s.status = 'sold') <> (b.status = 'confirmed')
    """,
    remedy=STOP,
)
register(
    "bookings.seats",
    "A booking that is confirmed, or held and not lapsed, has its quantity of seats.",
    """
    SELECT b.id, b.reference || ' has ' || count(s.id) || ' of its ' || b.quantity || ' seats' AS what
    FROM bookings_booking b LEFT JOIN events_seat s ON s.holder = b.id
    WHERE b.status = 'confirmed' OR (b.status IN ('held', 'paying') AND b.expires_at > statement_timestamp())
    GROUP BY b.id HAVING count(s.id) <> b.quantity
    """,
    remedy=STOP + " The buyer must be offered other seats or the money.",
)
register(
    "bookings.ended",
    "A booking that has ended has no seats.",
    """
    SELECT b.id, b.reference || ' is ' || b.status || ' and still has ' || count(*) || ' seats' AS what
    FROM bookings_booking b JOIN bookings_bookingseat l ON l.booking_id = b.id AND l.released_at IS NULL
    WHERE b.status IN ('expired', 'cancelled') GROUP BY b.id
    """,
    remedy=STOP + " Those seats cannot be sold until they are released.",
)
register(
    "bookings.deadline",
    "A held seat lapses with its booking, at most an hour after it was held, unless its payment was given a longer time.",
    """
    SELECT b.id, b.reference || ' lapses at ' || b.expires_at || ', its seat at ' || s.held_until AS what
    FROM events_seat s JOIN bookings_booking b ON b.id = s.holder
    WHERE s.status = 'held' AND b.status <> 'confirmed' AND s.held_until <> b.expires_at
    UNION ALL
    SELECT id, reference || ' may be held for longer than an hour' FROM bookings_booking b
    WHERE expires_at > created_at + interval '61 minutes' AND NOT EXISTS (
        SELECT FROM bookings_bookinghistory h
        WHERE h.booking_id = b.id AND h.action = 'paying' AND (h.details ->> 'until')::timestamptz >= b.expires_at)
    """,
    remedy="Extend or cancel the booking: either gives booking and seats one deadline again.",
)
register(
    "bookings.total",
    # Of one that was sold, tickets may have been given back since; `bookings.seats` counts those that it has left.
    "A booking's total and quantity are those of its seats, with their prices less their discounts.",
    """
    SELECT b.id, b.reference || ' costs ' || b.total_minor || ' for ' || b.quantity || ', its ' || count(l.id) || ' seats '
        || coalesce(sum(l.price_minor - l.discount_minor), 0) || ' and its services ' || b.services_minor AS what
    FROM bookings_booking b LEFT JOIN bookings_bookingseat l ON l.booking_id = b.id
    GROUP BY b.id HAVING coalesce(sum(l.price_minor - l.discount_minor), 0) + b.services_minor <> b.total_minor
        OR count(l.id) < b.quantity OR (count(l.id) <> b.quantity AND b.status NOT IN ('confirmed', 'cancelled'))
    """,
    remedy="The prices of the booked seats, less their discounts, are what the buyer agreed to. "
    "Correct the booking, and refund what was paid too much.",
)
register(
    "bookings.services",
    "What a booking counts of its services is what its lines say, and they are services of its event.",
    """
    SELECT b.id, b.reference || ' counts ' || b.service_quantity || ' services for ' || b.services_minor || ', its lines say '
        || coalesce(sum(l.quantity), 0) || ' for ' || coalesce(sum(l.quantity * l.price_minor), 0) AS what
    FROM bookings_booking b LEFT JOIN bookings_bookingservice l ON l.booking_id = b.id
    WHERE b.service_quantity > 0 OR b.services_minor > 0 OR l.id IS NOT NULL
    GROUP BY b.id HAVING coalesce(sum(l.quantity), 0) <> b.service_quantity
        OR coalesce(sum(l.quantity * l.price_minor), 0) <> b.services_minor
    UNION ALL
    SELECT b.id, b.reference || ' has a service of another event' FROM bookings_bookingservice l
    JOIN bookings_booking b ON b.id = l.booking_id JOIN events_eventservice s ON s.id = l.event_service_id
    WHERE s.event_id <> b.event_id OR l.event_id <> b.event_id
    """,
    remedy="The lines are what the buyer agreed to. Correct the booking, and refund what was paid too much.",
)
register(
    "bookings.service_stock",
    "No more of a service is taken than there is.",
    """
    SELECT s.id, e.title || ', ' || v.name || ': ' || sum(l.quantity) || ' of ' || s.stock AS what
    FROM events_eventservice s JOIN events_service v ON v.id = s.service_id JOIN events_event e ON e.id = s.event_id
    JOIN bookings_bookingservice l ON l.event_service_id = s.id JOIN bookings_booking b ON b.id = l.booking_id
    WHERE b.status = 'confirmed' OR (b.status IN ('held', 'paying') AND b.expires_at > statement_timestamp())
    GROUP BY s.id, e.title, v.name HAVING sum(l.quantity) > s.stock
    """,
    remedy="Right if the stock was lowered past what was taken. Otherwise take the service off sale and report it.",
    is_warning=True,
)
register(
    "bookings.code",
    "A discount comes from a code, and a code is of the booking's event or of all its organizer's.",
    """
    SELECT b.id, b.reference || ' has a discount without a code' AS what FROM bookings_booking b
    WHERE b.promo_code_id IS NULL
        AND EXISTS (SELECT FROM bookings_bookingseat l WHERE l.booking_id = b.id AND l.discount_minor > 0)
    UNION ALL
    SELECT b.id, b.reference || ' has the code ' || c.code || ' of another event' FROM bookings_booking b
    JOIN events_promocode c ON c.id = b.promo_code_id JOIN events_event e ON e.id = b.event_id
    WHERE c.organizer_id <> e.organizer_id OR c.event_id <> e.id
    """,
    remedy="The buyer was told this total, so let it stand. Report it, and stop the code until it is understood.",
)
register(
    "bookings.code_uses",
    "No more live bookings have a code than its limits allow, in all and for one customer.",
    """
    WITH used AS (
        SELECT c.id, c.code, c."limit", c.per_customer, b.user_id, b.email FROM events_promocode c
        JOIN bookings_booking b ON b.promo_code_id = c.id
        WHERE b.status = 'confirmed' OR (b.status IN ('held', 'paying') AND b.expires_at > statement_timestamp())
    )
    SELECT id, code || ' is used ' || count(*) || ' times, at most ' || "limit" AS what
    FROM used GROUP BY id, code, "limit" HAVING count(*) > "limit"
    UNION ALL
    SELECT id, code || ' is used ' || count(*) || ' times by one account, at most ' || per_customer
    FROM used WHERE user_id IS NOT NULL GROUP BY id, code, per_customer, user_id HAVING count(*) > per_customer
    UNION ALL
    SELECT id, code || ' is used ' || count(*) || ' times by one e-mail address, at most ' || per_customer
    FROM used WHERE email <> '' GROUP BY id, code, per_customer, email HAVING count(*) > per_customer
    """,
    remedy="Right if the limit was lowered past what was used. Otherwise stop the code and report it; the bookings stand.",
    is_warning=True,
)
register(
    "bookings.one_event",
    "A booking, its seats, its tickets and its history belong to one event, and its ticket types to its seats' categories.",
    """
    SELECT l.id, b.reference || ' has a seat or ticket type of another event or category' AS what
    FROM bookings_bookingseat l JOIN bookings_booking b ON b.id = l.booking_id
    JOIN events_seat s ON s.id = l.seat_id JOIN events_tickettype t ON t.id = l.ticket_type_id
    WHERE l.event_id <> b.event_id OR s.event_id <> b.event_id OR t.category_id <> s.category_id
    UNION ALL
    SELECT t.id, b.reference || ' has a ticket of another event'
    FROM bookings_ticket t JOIN bookings_booking b ON b.id = t.booking_id WHERE t.event_id <> b.event_id
    UNION ALL
    SELECT h.id, b.reference || ' has a history of another event'
    FROM bookings_bookinghistory h JOIN bookings_booking b ON b.id = h.booking_id WHERE h.event_id <> b.event_id
    """,
    remedy=STOP,
)
register(
    "bookings.history",
    "The history of a booking tells each of its versions once.",
    """
    SELECT b.id, b.reference || ' is at version ' || b.version || ', its history tells ' || count(h.id) || ' from '
        || coalesce(min(h.version), 0) || ' to ' || coalesce(max(h.version), 0) AS what
    FROM bookings_booking b LEFT JOIN bookings_bookinghistory h ON h.booking_id = b.id
    GROUP BY b.id
    HAVING (count(h.id), count(DISTINCT h.version), coalesce(min(h.version), 0), coalesce(max(h.version), 0))
        <> (b.version::bigint, b.version::bigint, 1, b.version)
    """,
    remedy="Somebody changed a booking past the application. Find out who: the database's log names statement and role.",
)
# What the actions make of a booking; the others leave its status as it is.
register(
    "bookings.transitions",
    "The history of a booking takes legal steps only, and ends in its status.",
    """
    WITH step AS (
        SELECT h.booking_id, h.version, a.status,
            lag(a.status) OVER same AS before, lead(h.version) OVER same IS NULL AS is_last
        FROM bookings_bookinghistory h
        JOIN (VALUES ('held', 'held'), ('extended', 'held'), ('paying', 'paying'), ('declined', 'held'),
            ('confirmed', 'confirmed'), ('expired', 'expired'), ('cancelled', 'cancelled')) a (action, status) USING (action)
        WINDOW same AS (PARTITION BY h.booking_id ORDER BY h.version)
    )
    SELECT b.id, concat_ws(' ', b.reference, 'went from', coalesce(step.before, 'nothing'), 'to', step.status,
        'and is', b.status) AS what
    FROM step JOIN bookings_booking b ON b.id = step.booking_id
    WHERE (is_last AND step.status <> b.status) OR (coalesce(before, 'nothing'), step.status) NOT IN (
        ('nothing', 'held'), ('held', 'held'), ('paying', 'paying'),
        ('held', 'paying'), ('held', 'confirmed'), ('held', 'expired'), ('held', 'cancelled'),
        ('paying', 'held'), ('paying', 'confirmed'), ('paying', 'expired'), ('paying', 'cancelled'),
        ('expired', 'confirmed'), ('confirmed', 'cancelled'))
    """,
    remedy="Somebody changed a booking past the application. Find out who: the database's log names statement and role.",
)
register(
    "bookings.messages",
    "Every version of a booking is told to others once.",
    # Messages that were sent are thrown away after some days, so only what is younger must still be there.
    """
    WITH message AS (
        SELECT (payload ->> 'booking')::uuid AS booking_id, (payload ->> 'version')::int AS version, count(*) AS times
        FROM outbox_outboxmessage WHERE topic LIKE 'booking.%' AND payload ? 'version' GROUP BY 1, 2
    ), fact AS (
        SELECT booking_id, version FROM bookings_bookinghistory WHERE created_at > statement_timestamp() - interval '1 day'
    )
    SELECT coalesce(fact.booking_id, message.booking_id) AS id, concat_ws(' ', coalesce(b.reference, 'An unknown booking'),
        'told version', coalesce(fact.version, message.version), coalesce(message.times, 0), 'times') AS what
    FROM fact FULL JOIN message USING (booking_id, version)
    LEFT JOIN bookings_booking b ON b.id = coalesce(fact.booking_id, message.booking_id)
    WHERE coalesce(message.times, 0) <> 1 OR (fact.version IS NULL AND (b.id IS NULL OR message.version > b.version))
    """,
    remedy="A fact that was not told reached nobody: no mail, no list is up to date. Publish it again from the history.",
)
register(
    "bookings.tickets",
    "A confirmed booking has one valid ticket for each of its seats; other bookings have none.",
    """
    WITH seat AS (
        SELECT l.id, l.booking_id FROM bookings_bookingseat l
        JOIN bookings_booking b ON b.id = l.booking_id AND b.status = 'confirmed' WHERE l.released_at IS NULL
    ), ticket AS (
        SELECT booking_seat_id AS id, booking_id, count(*) AS tickets FROM bookings_ticket WHERE status = 'valid' GROUP BY 1, 2
    )
    SELECT b.id, b.reference || ' is ' || b.status || ' and has ' || coalesce(tickets, 0) || ' valid tickets for a seat' AS what
    FROM seat FULL JOIN ticket USING (id, booking_id) JOIN bookings_booking b ON b.id = booking_id
    WHERE seat.id IS NULL OR tickets IS DISTINCT FROM 1
    """,
    remedy="A missing ticket keeps a guest outside: issue it before the doors open. One too many must be made void.",
)
register(
    "bookings.swept",
    "Holds that lapsed are tidied up within ten minutes.",
    """
    SELECT id, reference || ' lapsed at ' || expires_at AS what FROM bookings_booking
    WHERE status IN ('held', 'paying') AND expires_at < statement_timestamp() - interval '10 minutes'
    """,
    remedy="Their seats are free all the same. See that worker and beat run; `manage.py expire_holds` tidies up by hand.",
)
register(
    "bookings.type_limit",
    "No more tickets of a type are sold and held than its limit.",
    """
    SELECT t.id, e.title || ', ' || t.name || ': ' || used.seats || ' of at most ' || t."limit" AS what
    FROM events_tickettype t JOIN events_event e ON e.id = t.event_id
    JOIN (SELECT l.ticket_type_id, count(*) AS seats FROM bookings_bookingseat l
        JOIN events_seat s ON s.id = l.seat_id AND s.holder = l.booking_id
        WHERE l.released_at IS NULL AND (s.status = 'sold' OR s.held_until > statement_timestamp()) GROUP BY 1) used
        ON used.ticket_type_id = t.id
    WHERE used.seats > t."limit"
    """,
    remedy="Right if the limit was lowered during the sale, or money came late for seats still free. Otherwise report it.",
    is_warning=True,
)
register(
    "bookings.cancelled_event",
    "A cancelled event has no live bookings.",
    # Cancelling is the event's first; its bookings follow one by one.
    """
    SELECT b.id, b.reference || ' of ' || e.title || ' is still ' || b.status AS what
    FROM bookings_booking b JOIN events_event e ON e.id = b.event_id
    WHERE e.status = 'cancelled' AND e.updated_at < statement_timestamp() - interval '15 minutes'
        AND b.status NOT IN ('expired', 'cancelled')
    """,
    remedy="Cancel the event again: it goes on where it was interrupted.",
)
register(
    "bookings.idempotency",
    "What an idempotency key stands for exists.",
    """
    SELECT k.id, 'The key of ' || k.owner || ' of ' || k.created_at || ' stands for nothing' AS what
    FROM rest_idempotencykey k
    LEFT JOIN bookings_booking b ON b.id = k.object_id
    LEFT JOIN events_event e ON e.id = k.object_id
    LEFT JOIN venues_venue v ON v.id = k.object_id
    WHERE b.id IS NULL AND e.id IS NULL AND v.id IS NULL
    """,
    remedy="Right for an event or a venue that was deleted since. A booking never is: look for a restore or a deletion by hand.",
    is_warning=True,
)

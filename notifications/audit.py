"""What must be true of messages to people."""

from evently.audit import register

register(
    "notifications.confirmation",
    "Whoever has a confirmed booking is sent the tickets within fifteen minutes, once.",
    """
    SELECT b.id,
        b.reference || ' was confirmed at ' || h.created_at || ', ' || count(d.id) || ' mails with its tickets' AS what
    FROM bookings_booking b JOIN bookings_bookinghistory h ON h.booking_id = b.id AND h.action = 'confirmed'
    LEFT JOIN notifications_delivery d ON d.object_id = b.id AND d.kind = 'booking_confirmed'
    WHERE b.status = 'confirmed'
    GROUP BY b.id, h.created_at
    HAVING count(d.id) > 1 OR (count(d.id) = 0 AND h.created_at < statement_timestamp() - interval '15 minutes')
    """,
    remedy="See that worker and beat run. If they do, its outbox message was given up: send it again in the admin.",
)
register(
    "notifications.delayed",
    "What is to be sent is sent within fifteen minutes.",
    """
    SELECT id, kind || ' is due since ' || due_at || ', tried ' || attempts || ' times ' || left(error, 100) AS what
    FROM notifications_delivery WHERE status = 'queued' AND created_at < statement_timestamp() - interval '15 minutes'
    """,
    remedy="See that worker, beat and mail server run. Nothing is lost: it is sent as soon as they do.",
    is_warning=True,
)
register(
    "notifications.failed",
    "Every message reached its mail server.",
    """
    SELECT id, kind || ' was given up after ' || attempts || ' attempts: ' || left(error, 100) AS what
    FROM notifications_delivery WHERE status = 'failed'
    """,
    remedy="Read the error in the admin. Mostly the address is wrong: ask the buyer.",
    is_warning=True,
)

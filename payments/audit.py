"""What must be true of money."""

from evently.audit import register

MONEY = "Compare with the gateway's own list before anything else, and report this with the output of the audit."

register(
    "payments.outcome",
    "Every captured payment bought its booking or goes back in full, never both, never neither.",
    """
    SELECT p.id, concat_ws(' ', b.reference, 'is', b.status || ', its payment', p.status, nullif(p.outcome, ''), 'over',
        p.captured_minor, p.captured_currency, 'with', coalesce(r.amount, 0), 'going back') AS what
    FROM payments_payment p JOIN bookings_booking b ON b.id = p.booking_id
    LEFT JOIN (SELECT payment_id, sum(amount_minor) AS amount FROM payments_refund GROUP BY 1) r ON r.payment_id = p.id
    WHERE CASE
        WHEN p.status <> 'captured' THEN p.outcome <> ''
        WHEN p.outcome = 'confirmed'
            THEN (b.status, coalesce(r.amount, 0)) NOT IN (('confirmed', 0), ('cancelled', p.captured_minor))
        WHEN p.outcome = 'refund' THEN coalesce(r.amount, 0) <> p.captured_minor
        ELSE TRUE END
    """,
    remedy=MONEY + " The buyer has either a booking or a claim to the money.",
)
register(
    "payments.refunds",
    "No more goes back than was captured, and in the same currency.",
    """
    SELECT p.id, concat_ws(' ', b.reference, 'paid', p.captured_minor, p.captured_currency, '(' || p.status || '),',
        sum(r.amount_minor), string_agg(DISTINCT r.currency, ', '), 'goes back') AS what
    FROM payments_refund r JOIN payments_payment p ON p.id = r.payment_id JOIN bookings_booking b ON b.id = p.booking_id
    GROUP BY p.id, b.reference
    HAVING p.status <> 'captured' OR sum(r.amount_minor) > p.captured_minor OR bool_or(r.currency <> p.captured_currency)
    """,
    remedy=MONEY + " Hold back the refunds of this payment.",
)
register(
    "payments.paid",
    "A paid booking was paid once, its total, in its currency.",
    """
    SELECT b.id, b.reference || ' costs ' || b.total_minor || ' ' || b.currency || ', paid by ' || count(p.id) || ' payments: '
        || coalesce(string_agg(p.amount_minor || ' ' || p.currency, ', '), 'nothing') AS what
    FROM bookings_booking b
    LEFT JOIN payments_payment p ON p.booking_id = b.id AND p.status = 'captured' AND p.outcome = 'confirmed'
    WHERE b.status = 'confirmed' AND b.payment_status <> 'unpaid'
    GROUP BY b.id
    HAVING count(p.id) <> 1 OR bool_or((p.amount_minor, p.currency) <> (b.total_minor, b.currency))
    """,
    remedy=MONEY,
)
register(
    "payments.free_ride",
    "A confirmed booking that costs something is paid.",
    """
    SELECT id, reference || ' costs ' || total_minor || ' ' || currency || ' and is confirmed unpaid' AS what
    FROM bookings_booking WHERE status = 'confirmed' AND total_minor > 0 AND payment_status = 'unpaid'
    """,
    remedy="Look for its payment at the gateway. If there is none, ask the buyer to pay, or cancel the booking.",
)
register(
    "payments.paying",
    "A booking that is being paid has a payment under way.",
    """
    SELECT b.id, b.reference || ' is being paid, but no payment is under way' AS what FROM bookings_booking b
    WHERE b.status = 'paying' AND NOT EXISTS (
        SELECT FROM payments_payment p WHERE p.booking_id = b.id AND p.status IN ('created', 'pending'))
    """,
    remedy="The buyer may start again; the hold ends by itself. Report it if the same gateway comes up again and again.",
)
register(
    "payments.event",
    "Payments and refunds belong to the event of their booking.",
    """
    SELECT p.id, b.reference || ' has a payment or refund of another event' AS what
    FROM payments_payment p JOIN bookings_booking b ON b.id = p.booking_id LEFT JOIN payments_refund r ON r.payment_id = p.id
    WHERE p.event_id <> b.event_id OR r.event_id <> b.event_id
    """,
    remedy=MONEY,
)
register(
    "payments.webhooks",
    "What a gateway tells is worked off within fifteen minutes.",
    """
    SELECT id, gateway || ' ' || kind || ' of ' || created_at || ' ' || left(error, 100) AS what FROM payments_webhookevent
    WHERE processed_at IS NULL AND created_at < statement_timestamp() - interval '15 minutes'
    """,
    remedy="See that the worker runs and read the error in the admin. Nothing is lost: it is tried again.",
    is_warning=True,
)

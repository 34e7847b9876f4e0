"""What must be true of money."""

from evently.audit import register

MONEY = "Compare with the gateway's own list before anything else, and report this with the output of the audit."

register(
    "payments.outcome",
    "Every captured payment bought its booking or goes back in full; of a cancelled booking's all goes back but what was kept.",
    """
    SELECT p.id, concat_ws(' ', b.reference, 'is', b.status || ', its payment', p.status, nullif(p.outcome, ''), 'over',
        p.captured_minor, p.captured_currency, 'with', coalesce(r.amount, 0), 'going back') AS what
    FROM payments_payment p JOIN bookings_booking b ON b.id = p.booking_id
    LEFT JOIN (SELECT payment_id, sum(amount_minor) AS amount FROM payments_refund GROUP BY 1) r ON r.payment_id = p.id
    WHERE CASE
        WHEN p.status <> 'captured' THEN p.outcome <> ''
        WHEN p.outcome = 'confirmed' THEN b.status NOT IN ('confirmed', 'cancelled')
            OR (b.status = 'cancelled' AND p.captured_minor - coalesce(r.amount, 0) > b.kept_minor)
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
register(
    "payments.payment_status",
    "A booking says how much of what was paid for it has gone back.",
    """
    SELECT b.id, concat_ws(' ', b.reference, 'is', b.payment_status || ', but', money.back, 'of', money.captured,
        'has gone back') AS what
    FROM bookings_booking b JOIN LATERAL (
        SELECT sum(p.captured_minor) AS captured, coalesce(sum(r.amount), 0) AS back FROM payments_payment p
        LEFT JOIN LATERAL (
            SELECT sum(amount_minor) AS amount FROM payments_refund WHERE payment_id = p.id AND status = 'succeeded'
        ) r ON TRUE
        WHERE p.booking_id = b.id AND p.status = 'captured' AND (p.outcome = 'confirmed' OR NOT EXISTS (
            SELECT FROM payments_payment c WHERE c.booking_id = b.id AND c.outcome = 'confirmed'))
    ) money ON money.captured IS NOT NULL
    WHERE b.payment_status NOT IN ('unpaid', CASE
        WHEN money.back = 0 THEN 'paid' WHEN money.back < money.captured THEN 'partly_refunded' ELSE 'refunded' END)
    """,
    remedy=MONEY,
)
register(
    "payments.refunds_delayed",
    "What is owed back is paid back within a day.",
    """
    SELECT r.id, concat_ws(' ', b.reference || ':', r.amount_minor, r.currency, 'since', r.created_at || ', asked', r.attempts,
        'times', r.error) AS what
    FROM payments_refund r JOIN payments_payment p ON p.id = r.payment_id JOIN bookings_booking b ON b.id = p.booking_id
    WHERE r.status IN ('requested', 'sent') AND r.created_at < statement_timestamp() - interval '1 day'
    """,
    remedy="See that the worker runs and the gateway answers: reconcile_payments asks it again.",
    is_warning=True,
)
register(
    "payments.refunds_failed",
    "The gateway has carried out every refund.",
    """
    SELECT r.id, concat_ws(' ', b.reference || ':', r.amount_minor, r.currency, 'could not be paid back:', r.error) AS what
    FROM payments_refund r JOIN payments_payment p ON p.id = r.payment_id JOIN bookings_booking b ON b.id = p.booking_id
    WHERE r.status = 'failed'
    """,
    remedy="The money is still owed. In the admin, try again, or pay it in another way and say how.",
    is_warning=True,
)
register(
    "payments.ledger_balance",
    "Every transaction of the ledger balances in each currency.",
    """
    SELECT t.id, t.reference || ' is off by ' || coalesce(e.sum || ' ' || e.currency, 'everything: it is empty') AS what
    FROM payments_ledgertransaction t LEFT JOIN (
        SELECT transaction_id, currency, sum(amount_minor) AS sum FROM payments_ledgerentry GROUP BY 1, 2
    ) e ON e.transaction_id = t.id
    WHERE e.sum IS DISTINCT FROM 0
    """,
    remedy=MONEY + " The database refuses such a transaction: somebody has gone past it.",
)
register(
    "payments.ledger_captures",
    "Every captured payment is booked once, with what has come.",
    """
    SELECT p.id, concat_ws(' ', p.gateway, p.gateway_id, 'has captured', coalesce(p.captured_minor, 0),
        p.captured_currency || ', booked:', coalesce(e.amount, 0)) AS what
    FROM payments_payment p LEFT JOIN (
        SELECT t.payment_id, e.currency, sum(e.amount_minor) AS amount FROM payments_ledgertransaction t
        JOIN payments_ledgerentry e ON e.transaction_id = t.id AND e.account = 'clearing' WHERE t.kind = 'capture' GROUP BY 1, 2
    ) e ON e.payment_id = p.id
    WHERE (coalesce(e.amount, 0), coalesce(e.currency, '')) IS DISTINCT FROM (coalesce(p.captured_minor, 0), p.captured_currency)
    """,
    remedy=MONEY,
)
register(
    "payments.ledger_refunds",
    "Every refund is booked as owed, and as paid once it was paid.",
    """
    SELECT r.id, concat_ws(' ', 'refund of', r.amount_minor, r.currency, '(' || r.status || ') is booked as owed:',
        coalesce(e.due, 0) || ', as paid:', coalesce(e.paid, 0)) AS what
    FROM payments_refund r JOIN payments_payment p ON p.id = r.payment_id LEFT JOIN LATERAL (
        SELECT -sum(e.amount_minor) FILTER (WHERE t.kind = 'refund_due') AS due,
            sum(e.amount_minor) FILTER (WHERE t.kind IN ('refund_paid', 'refund_returned')) AS paid
        FROM payments_ledgertransaction t JOIN payments_ledgerentry e ON e.transaction_id = t.id
        WHERE t.payment_id = r.payment_id AND split_part(t.reference, ' ', 2) = r.id::text AND e.account = 'buyers'
            AND e.currency = r.currency
    ) e ON TRUE
    WHERE coalesce(e.due, 0) <> CASE p.outcome WHEN 'confirmed' THEN r.amount_minor ELSE 0 END
        OR coalesce(e.paid, 0) <> CASE r.status WHEN 'succeeded' THEN r.amount_minor ELSE 0 END
    """,
    remedy=MONEY,
)
register(
    "payments.ledger_disputes",
    "Every dispute is booked as what it is: open, won or lost.",
    """
    SELECT d.id, concat_ws(' ', 'dispute over', d.amount_minor, d.currency, 'is', d.status || ', booked as open:', e.open) AS what
    FROM payments_dispute d LEFT JOIN LATERAL (
        SELECT coalesce(sum(e.amount_minor), 0) AS open, count(DISTINCT t.id) AS facts FROM payments_ledgertransaction t
        JOIN payments_ledgerentry e ON e.transaction_id = t.id
        WHERE t.payment_id = d.payment_id AND split_part(t.reference, ' ', 2) = d.id::text AND e.account = 'disputed'
            AND e.currency = d.currency
    ) e ON TRUE
    WHERE e.open <> CASE d.status WHEN 'open' THEN d.amount_minor ELSE 0 END
        OR e.facts <> CASE d.status WHEN 'open' THEN 1 ELSE 2 END
    """,
    remedy=MONEY,
)
register(
    "payments.equation",
    "What was captured and has not gone back is what was earned, is owed back, or was lost to disputes, in each currency.",
    """
    SELECT c.currency AS id, concat_ws(' ', 'captured', c.captured, 'less', coalesce(r.paid, 0), 'paid back is not',
        coalesce(l.earned, 0), 'earned,', coalesce(r.owed, 0), 'owed and', coalesce(d.lost, 0), 'lost') AS what
    FROM (
        SELECT captured_currency AS currency, sum(captured_minor) AS captured FROM payments_payment WHERE status = 'captured'
        GROUP BY 1
    ) c
    LEFT JOIN (
        SELECT currency, sum(amount_minor) FILTER (WHERE status = 'succeeded') AS paid,
            sum(amount_minor) FILTER (WHERE status <> 'succeeded') AS owed FROM payments_refund GROUP BY 1
    ) r USING (currency)
    LEFT JOIN (
        SELECT currency, sum(amount_minor) AS lost FROM payments_dispute WHERE status = 'lost' GROUP BY 1
    ) d USING (currency)
    LEFT JOIN (
        SELECT currency, -sum(amount_minor) AS earned FROM payments_ledgerentry
        WHERE account IN ('organizer', 'platform_fees', 'tax') GROUP BY 1
    ) l USING (currency)
    WHERE c.captured - coalesce(r.paid, 0) <> coalesce(l.earned, 0) + coalesce(r.owed, 0) + coalesce(d.lost, 0)
    """,
    remedy=MONEY,
)
register(
    "payments.sales",
    "What a payment has bought is written down with its rates: all that came, less all that goes back, and the tax in it.",
    """
    SELECT p.id, concat_ws(' ', p.gateway_id, 'captured', p.captured_minor, 'with', coalesce(r.amount, 0), 'going back, sold:',
        coalesce(t.sold, 0) || ', given back:', coalesce(t.back, 0), CASE WHEN s.id IS NULL THEN 'without its lines' END,
        CASE WHEN t.is_wrong THEN 'with tax that is not that of its rates' END) AS what
    FROM payments_payment p LEFT JOIN payments_sale s ON s.payment_id = p.id LEFT JOIN (
        SELECT payment_id, sum(sold) AS sold, sum(back) AS back,
            bool_or(tax <> round((sold + back) * tax_rate / (100 + tax_rate))
                OR sold_tax <> round(sold * tax_rate / (100 + tax_rate))) AS is_wrong
        FROM (
            SELECT payment_id, tax_rate, coalesce(sum(gross_minor) FILTER (WHERE refund_id IS NULL), 0) AS sold,
                coalesce(sum(gross_minor) FILTER (WHERE refund_id IS NOT NULL), 0) AS back, sum(tax_minor) AS tax,
                coalesce(sum(tax_minor) FILTER (WHERE refund_id IS NULL), 0) AS sold_tax
            FROM payments_taxline GROUP BY 1, 2
        ) AS rate GROUP BY 1
    ) t ON t.payment_id = p.id
    LEFT JOIN (SELECT payment_id, sum(amount_minor) AS amount FROM payments_refund GROUP BY 1) r ON r.payment_id = p.id
    WHERE CASE WHEN p.outcome = 'confirmed'
        THEN s.id IS NULL OR (t.sold, -t.back) IS DISTINCT FROM (p.captured_minor, coalesce(r.amount, 0)) OR t.is_wrong
        ELSE s.id IS NOT NULL OR t.sold IS NOT NULL END
    """,
    remedy=MONEY + " What was sold is never rewritten: somebody has gone past the database's refusal.",
)
register(
    "payments.ledger_shares",
    "Tax and fee in the ledger are those of the sale; nobody has less than nothing of it, or anything once all has gone back.",
    """
    SELECT p.id, concat_ws(' ', p.gateway_id, 'has', l.tax, 'of tax in the ledger,', coalesce(t.tax, 0), 'by its rates;',
        l.taken, 'of fee were booked,', s.fee_minor, 'taken; organizer and fee have', l.organizer, 'and', l.fee, 'of', l.organizer
        + l.fee + l.tax) AS what
    FROM payments_payment p JOIN payments_sale s ON s.payment_id = p.id
    JOIN (
        SELECT x.payment_id, -coalesce(sum(e.amount_minor) FILTER (WHERE e.account = 'tax'), 0) AS tax,
            -coalesce(sum(e.amount_minor) FILTER (WHERE e.account = 'organizer'), 0) AS organizer,
            -coalesce(sum(e.amount_minor) FILTER (WHERE e.account = 'platform_fees'), 0) AS fee,
            -coalesce(sum(e.amount_minor) FILTER (WHERE e.account = 'platform_fees' AND x.kind = 'capture'), 0) AS taken
        FROM payments_ledgertransaction x JOIN payments_ledgerentry e ON e.transaction_id = x.id
        WHERE x.kind IN ('capture', 'refund_due') GROUP BY 1
    ) l ON l.payment_id = p.id
    LEFT JOIN (
        SELECT payment_id, sum(tax_minor) AS tax, sum(gross_minor) AS gross FROM payments_taxline GROUP BY 1
    ) t ON t.payment_id = p.id
    WHERE p.outcome = 'confirmed' AND (l.tax <> coalesce(t.tax, 0) OR l.taken <> s.fee_minor
        OR least(l.organizer, l.fee, l.tax) < 0 OR (t.gross = 0 AND greatest(l.organizer, l.fee, l.tax) > 0))
    """,
    remedy=MONEY,
)
register(
    "payments.payouts",
    "What was settled with an organizer is booked once, and was due when it was written down.",
    """
    SELECT p.id, concat_ws(' ', p.kind, p.amount_minor, p.currency, o.name || ', booked:', coalesce(e.booked, 0) || ', due:',
        p.due_minor || ', by the ledger:', d.due) AS what
    FROM payments_payout p JOIN accounts_organizer o ON o.id = p.organizer_id LEFT JOIN payments_payout u ON u.id = p.undoes_id
    CROSS JOIN LATERAL (
        SELECT CASE coalesce(u.kind, p.kind) WHEN 'paid' THEN 1 ELSE -1 END AS direction
    ) s
    LEFT JOIN LATERAL (
        SELECT sum(e.amount_minor) AS booked, min(t.created_at) AS at FROM payments_ledgertransaction t
        JOIN payments_ledgerentry e ON e.transaction_id = t.id AND e.account = 'settled'
        WHERE t.reference = 'payout ' || p.id AND t.organizer_id = p.organizer_id AND e.currency = p.currency
    ) e ON TRUE
    -- What was booked in the minute before may have been committed after.
    LEFT JOIN LATERAL (
        SELECT sum(change) AS due FROM (
            SELECT x.created_at, s.direction * x.amount_minor * CASE x.account WHEN 'platform_fees' THEN 1 ELSE -1 END AS change
            FROM payments_ledgertransaction t JOIN payments_ledgerentry x ON x.transaction_id = t.id
            WHERE t.organizer_id = p.organizer_id AND x.currency = p.currency AND x.created_at < e.at AND CASE x.account
                WHEN 'settled' THEN TRUE
                WHEN 'platform_fees' THEN x.gateway_account <> ''
                ELSE x.account IN ('organizer', 'tax', 'by_hand', 'disputed') AND x.gateway_account = '' END
        ) AS entry
        WHERE change > 0 OR created_at < e.at - interval '1 minute'
    ) d ON TRUE
    WHERE coalesce(e.booked, 0) <> s.direction * CASE WHEN u.id IS NULL THEN 1 ELSE -1 END * p.amount_minor
        OR (u.id IS NULL AND p.amount_minor > coalesce(d.due, 0))
        OR (u.id IS NOT NULL AND (p.amount_minor, p.currency, p.organizer_id) <> (u.amount_minor, u.currency, u.organizer_id))
    """,
    remedy="Compare with the bank statement. A payout that was not made, or was wrong, is undone in the admin.",
)
register(
    "payments.invoice_numbers",
    "Invoices and credit notes of an organizer are numbered from 1 in each year, without a gap, none twice, as its counter says.",
    """
    SELECT coalesce(i.organizer_id, c.organizer_id) AS id, concat_ws(' ', o.name, coalesce(i.year, c.year) || ':',
        coalesce(i.count, 0), 'invoices with', coalesce(i.different, 0), 'numbers from', i.first, 'to', i.last || ', counted:',
        c.last, CASE WHEN i.misnamed THEN 'some named otherwise' END) AS what
    FROM (
        SELECT organizer_id, year, count(*) AS count, count(DISTINCT number) AS different, min(number) AS first,
            max(number) AS last, bool_or(label NOT LIKE
                '%-' || year || '-' || lpad(number::text, greatest(5, length(number::text)), '0')) AS misnamed
        FROM payments_invoice GROUP BY 1, 2
    ) i FULL JOIN payments_invoicecounter c USING (organizer_id, year)
    JOIN accounts_organizer o ON o.id = organizer_id
    WHERE (i.first, i.last, i.count, i.different) IS DISTINCT FROM (1, c.last, c.last::bigint, c.last::bigint) OR i.misnamed
    """,
    remedy="Tell the organizer: a tax office will ask for what is missing. Look for it in the backups.",
)
register(
    "payments.invoice_totals",
    "What an invoice or credit note comes to is the sum of its lines, and of its rates with their tax; its PDF is as it was.",
    """
    SELECT i.id, concat_ws(' ', i.label, 'comes to', i.total_minor || ', its lines to', l.sum || ', its rates to', t.sum) AS what
    FROM payments_invoice i
    CROSS JOIN LATERAL (
        SELECT sum((line ->> 'gross_minor')::bigint) AS sum FROM jsonb_array_elements(i.lines) AS line
    ) l
    CROSS JOIN LATERAL (
        SELECT sum((tax ->> 'gross_minor')::bigint) AS sum,
            bool_and((tax ->> 'net_minor')::bigint + (tax ->> 'tax_minor')::bigint = (tax ->> 'gross_minor')::bigint) AS is_sum,
            bool_and((tax ->> 'gross_minor')::bigint = (
                SELECT sum((line ->> 'gross_minor')::bigint) FROM jsonb_array_elements(i.lines) AS line
                WHERE (line ->> 'tax_rate')::numeric = (tax ->> 'tax_rate')::numeric)) AS is_of_lines
        FROM jsonb_array_elements(i.taxes) AS tax
    ) t
    WHERE (l.sum, t.sum, t.is_sum, t.is_of_lines) IS DISTINCT FROM (i.total_minor::numeric, i.total_minor::numeric, TRUE, TRUE)
        OR (i.created_at > statement_timestamp() - interval '7 days' AND encode(sha256(i.pdf), 'hex') <> i.pdf_sha256)
    """,
    remedy=MONEY + " An invoice is never rewritten: somebody has gone past the database's refusal.",
)
register(
    "payments.invoiced",
    "Invoice less credit notes is what was paid less what goes back, and the tax in it, rate by rate.",
    """
    SELECT payment_id AS id, concat_ws(' ', min(i.label) FILTER (WHERE i.kind = 'invoice'), 'with', count(i.id) - 1,
        'credit notes comes to', tax_rate || ' %:', sum(i.gross) || ', tax', sum(i.tax) || ', sold:', min(t.gross) || ', tax',
        min(t.tax)) AS what
    FROM (
        SELECT i.id, i.payment_id, i.kind, i.label, (tax ->> 'tax_rate')::numeric AS tax_rate,
            s.sign * (tax ->> 'gross_minor')::bigint AS gross, s.sign * (tax ->> 'tax_minor')::bigint AS tax
        FROM payments_invoice i CROSS JOIN LATERAL jsonb_array_elements(i.taxes) AS tax
        CROSS JOIN LATERAL (SELECT CASE i.kind WHEN 'invoice' THEN 1 ELSE -1 END AS sign) s
    ) i
    FULL JOIN (
        SELECT payment_id, tax_rate, sum(gross_minor) AS gross, sum(tax_minor) AS tax FROM payments_taxline
        WHERE payment_id IN (SELECT payment_id FROM payments_invoice) GROUP BY 1, 2
    ) t USING (payment_id, tax_rate)
    GROUP BY payment_id, tax_rate
    HAVING coalesce(sum(i.gross), 0) <> coalesce(min(t.gross), 0) OR coalesce(sum(i.tax), 0) <> coalesce(min(t.tax), 0)
    """,
    remedy=MONEY + " Tell the organizer which document is missing.",
)
register(
    "payments.offline",
    "Money that somebody has written down as received has had its effect.",
    """
    SELECT c.id, concat_ws(' ', c.purpose, 'received', c.received_minor, c.currency || ', its payment is', p.status, 'over',
        coalesce(p.captured_minor, 0), p.captured_currency) AS what
    FROM payments_offlinecharge c JOIN payments_payment p ON p.id = c.payment_id
    WHERE c.status = 'received' AND c.received_at < statement_timestamp() - interval '15 minutes'
        AND (coalesce(p.captured_minor, 0), p.captured_currency) <> (c.received_minor, c.currency)
    """,
    remedy="See that the worker runs: reconcile_payments settles it. Compare with the bank statement and the reason given.",
)
register(
    "payments.card_testing",
    "Nobody tries stolen cards.",
    """
    SELECT coalesce(nullif(b.address, ''), b.id::text) AS id, concat_ws(' ', sum(p.declines), 'declined tries for',
        count(DISTINCT b.id), 'bookings from one address, the last at', max(p.declined_at)) AS what
    FROM payments_payment p JOIN bookings_booking b ON b.id = p.booking_id
    WHERE p.declines > 0 AND p.declined_at > statement_timestamp() - interval '1 day'
    GROUP BY 1 HAVING sum(p.declines) >= 12
    """,
    remedy="It is stopped already. If it goes on from other addresses, tell Stripe, and ask for a challenge on every card there.",
    is_warning=True,
)

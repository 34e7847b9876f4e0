"""What must be true of facts that are told to others."""

from evently.audit import register

register(
    "outbox.delayed",
    "What is due was told within fifteen minutes.",
    """
    SELECT id, topic || ' is due since ' || due_at || ', tried ' || attempts || ' times ' || left(error, 100) AS what
    FROM outbox_outboxmessage
    WHERE sent_at IS NULL AND dead_at IS NULL AND due_at < statement_timestamp() - interval '15 minutes'
    """,
    remedy="See that worker, beat and broker run. Nothing is lost: it is told as soon as they do.",
    is_warning=True,
)
register(
    "outbox.dead",
    "Nothing was given up.",
    """
    SELECT id, topic || ' was given up after ' || attempts || ' attempts: ' || left(error, 100) AS what
    FROM outbox_outboxmessage WHERE dead_at IS NOT NULL
    """,
    remedy="Read the error in the admin, put right what caused it, and send the message again from there.",
    is_warning=True,
)
register(
    "outbox.state",
    "A message was sent or given up, never both.",
    """
    SELECT id, topic || ' was sent at ' || sent_at || ' and given up at ' || dead_at AS what
    FROM outbox_outboxmessage WHERE sent_at IS NOT NULL AND dead_at IS NOT NULL
    """,
    remedy="Harmless by itself. Report it: two relays have treated one message.",
)

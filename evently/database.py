"""What every table and every transaction has in common."""

import random
import secrets
import time
import uuid
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection, models, transaction
from django.db.migrations import RunSQL
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from .errors import DomainError

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 5
SERIALIZATION_FAILURE, DEADLOCK, LOCK_NOT_AVAILABLE, UNIQUE_VIOLATION = "40001", "40P01", "55P03", "23505"


def uuid7() -> uuid.UUID:
    """Return a time-ordered UUID (RFC 9562, version 7), so that new rows land at the right edge of an index.

    The twelve bits after the milliseconds are a fraction of them (section 6.2, method 3): ids of one process sort as made.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = nanoseconds * 4096 // 1_000_000
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62))


class Row(models.Model):
    """What every table has. The database fills the time, so that raw SQL need not name it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        abstract = True


class EditableRow(Row):
    """A row that changes; a trigger (`touch`) keeps `updated_at`, so that raw SQL and `update()` do too."""

    updated_at = models.DateTimeField(_("updated"), db_default=Now(), editable=False)

    class Meta:
        abstract = True


def touch(*tables: str) -> RunSQL:
    """A migration step: keep `updated_at` of these tables by trigger."""
    return RunSQL(
        [
            f"CREATE TRIGGER {table}_touch BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION touch_updated_at()"
            for table in tables
        ],
        [f"DROP TRIGGER {table}_touch ON {table}" for table in tables],
    )


def append_only(*tables: str) -> RunSQL:
    """A migration step: let nobody change or delete rows of these tables."""
    return RunSQL(
        [
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()"
            for table in tables
        ],
        [f"DROP TRIGGER {table}_append_only ON {table}" for table in tables],
    )


def frozen(table: str, column: str) -> RunSQL:
    """A migration step: what a row of this table has in this column when it is made, it keeps."""
    return RunSQL(
        f"CREATE TRIGGER {table}_{column}_frozen BEFORE UPDATE OF {column} ON {table} FOR EACH ROW "
        f"WHEN (OLD.{column} IS DISTINCT FROM NEW.{column}) EXECUTE FUNCTION refuse_rewriting()",
        f"DROP TRIGGER {table}_{column}_frozen ON {table}",
    )


class Busy(DomainError):
    """Others were faster each time, or hold a lock for too long: ask again."""

    code = "busy"
    message = _("Many people are booking right now. Please try again in a moment; nothing has been lost.")
    status = 503
    retry_after = 2


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's five-character code of a Django database error."""
    return getattr(error.__cause__, "sqlstate", None)


def transactional(work: Callable[P, T]) -> Callable[P, T]:
    """Make `work` one transaction, run again from the start when PostgreSQL asks for it (40001, 40P01).

    Inside an open transaction it is part of that one, whose owner must repeat all of it. A lock time-out (55P03) is not
    retried, since five times three seconds would stop every thread of a small web server; it is refused as `Busy`.
    """

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if connection.in_atomic_block:
            return work(*args, **kwargs)
        attempt = 1
        while True:
            try:
                with transaction.atomic():
                    return work(*args, **kwargs)
            except OperationalError as error:
                if sqlstate(error) == LOCK_NOT_AVAILABLE:
                    raise Busy from error
                if attempt == ATTEMPTS or sqlstate(error) not in (SERIALIZATION_FAILURE, DEADLOCK):
                    raise
            time.sleep(random.uniform(0.5, 1) * 0.01 * 2**attempt)  # noqa: S311 -- jitter, not a secret
            attempt += 1

    return run

"""What must be true of the live database, whatever has happened to it.

Each app adds its checks in `<app>/audit.py`, which `evently.observability` loads as Django's admin loads `admin.py`.
"""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Check:
    """A promise, the query that finds what breaks it, and what an operator should do then."""

    name: str
    promise: str
    sql: str
    remedy: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found: how many rows break its promise, and the first of them as (id, description)."""

    check: Check
    count: int
    first: list[tuple[str, str]]
    seconds: float


_checks: dict[str, Check] = {}


def register(name: str, promise: str, sql: str, *, remedy: str, is_warning: bool = False) -> None:
    """Add a check. `sql` selects one row for each break of the promise: its id, and a description in an operator's words.

    Columns need names. A warning asks for attention without saying that the data is wrong.
    """
    if name in _checks:
        raise ValueError(f"There are two checks named {name}.")
    _checks[name] = Check(name, promise, sql.strip(), remedy, is_warning)


def checks() -> list[Check]:
    """All checks by name."""
    return [_checks[name] for name in sorted(_checks)]


@contextmanager
def snapshot() -> Iterator[None]:
    """One read-only view of the database, so that checks compare rows of one moment while the sale goes on."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        yield


def run(wanted: Collection[Check]) -> Iterator[Finding]:
    """Look for what breaks each promise, one after the other."""
    with connection.cursor() as cursor:
        for check in wanted:
            began = time.monotonic()
            cursor.execute(f"SELECT found.*, count(*) OVER () FROM ({check.sql}) found LIMIT {SHOWN}")  # noqa: S608 -- our own words
            rows = cursor.fetchall()
            first = [(str(pk), str(what)) for pk, what, _count in rows]
            yield Finding(check, rows[0][2] if rows else 0, first, time.monotonic() - began)


def complaints(*apps: str) -> dict[str, list[str]]:
    """Name the broken promises and what first breaks each, warnings included: `{}` is a clean bill. All apps, or only these."""
    wanted = [check for check in checks() if not apps or check.name.partition(".")[0] in apps]
    return {finding.check.name: [what for _pk, what in finding.first] for finding in run(wanted) if finding.count}

"""A database for benchmarks alone: made, filled, looked into; and how they say what they are doing."""

# ruff: noqa: PLC0415 -- the application is imported after its environment was made

import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import psycopg

from evently.devservices import TIME_LIMITS

DATABASE = "evently_bench"


def tell(text: str) -> None:
    """Say it beside the results."""
    print(text, file=sys.stderr, flush=True)


def set_up(*, name: str = DATABASE, **environment: str) -> None:
    """Make the database of that name anew with its tables and the time limits of production, and start Django on it."""
    address = make_database(os.environ["DATABASE_URL"], name)
    os.environ |= {"DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "evently.settings", "DEBUG": "off"}
    os.environ |= {"EVENTLY_RATE_LIMITS": "off", "EVENTLY_LOG_LEVEL": "WARNING"} | environment
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        for limit, value in TIME_LIMITS.items():
            cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {name} SET {limit} = '{value}'")
        cursor.execute("SELECT current_setting('shared_preload_libraries')")
        if "pg_stat_statements" in cursor.fetchone()[0]:
            cursor.execute("CREATE EXTENSION pg_stat_statements")
    connection.close()  # so that this process has the limits, too


def make_database(address: str, name: str = DATABASE) -> str:
    """Make the benchmarks' own database anew beside that of this address, and return its address."""
    base, _slash, _name = address.rpartition("/")
    with psycopg.connect(f"{base}/postgres", autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        server.execute(f"CREATE DATABASE {name}".encode())
        for setting in ("fsync", "synchronous_commit"):
            (value,) = server.execute(f"SHOW {setting}".encode()).fetchone() or ("",)
            if value != "on":
                tell(f"CAUTION: this server runs with {setting} {value}: no figure of it holds for one that keeps its data.")
    return f"{base}/{name}"


def fill(statements: Iterable[str], words: Mapping[str, Any]) -> None:
    """Write many rows that are right: without time limits, and without triggers and foreign keys, which need not look."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET statement_timeout = 0")
        for statement in statements:
            verb, name = re.findall(r"(INSERT INTO|UPDATE) (\w+)", statement)[0]
            tell(f"{os.environ['DATABASE_URL'].rpartition('/')[2]}: {verb} {name}")
            cursor.execute(statement, words)
        cursor.execute("VACUUM ANALYZE")
    connection.close()  # the next one has rules and limits again


class Statement(NamedTuple):
    """What a kind of statement has cost in all; milliseconds."""

    text: str
    calls: int
    total: float
    mean: float


def forget_statements() -> None:
    """Count statements from here on."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_extension WHERE extname = 'pg_stat_statements'")
        if cursor.fetchone()[0]:
            cursor.execute("SELECT pg_stat_statements_reset()")


def dearest_statements(count: int) -> list[Statement]:
    """What has kept this database busy for longest; nothing where the server does not count."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_extension WHERE extname = 'pg_stat_statements'")
        if not cursor.fetchone()[0]:
            return []
        cursor.execute(
            """SELECT regexp_replace(query, '\\s+', ' ', 'g'), calls, total_exec_time, mean_exec_time FROM pg_stat_statements
            WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
            ORDER BY total_exec_time DESC LIMIT %s""",
            [count],
        )
        return [Statement(*row) for row in cursor.fetchall()]

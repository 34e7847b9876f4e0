"""Who uses the processor: counted by the kernel for each process, summed up by what it belongs to. Linux only."""

# ruff: noqa: PLC0415 -- the application is imported after its environment was made

import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
REST = "everything else"
PARTS = {"gunicorn": "web", "celery": "worker", "multiprocessing": "buyers"}  # by a word of the command


class Process(NamedTuple):
    parent: int
    seconds: float


def processor_seconds() -> Counter[str]:
    """Seconds of processor time used so far by web, worker, database, Valkey, buyers and everything else on this machine.

    Empty where the kernel does not tell.
    """
    if not PROC.joinpath("stat").exists():
        return Counter()
    processes = {int(path.name): process for path in PROC.glob("[0-9]*") if (process := _read(path))}
    roots = _roots(processes)
    used: Counter[str] = Counter()
    for number, process in processes.items():
        if part := _part_of(number, processes, roots):
            used[part] += process.seconds  # type: ignore[assignment]  # a Counter of seconds
    user, nice, system, _idle, _wait, *interrupts = PROC.joinpath("stat").read_text().split("\n", 1)[0].split()[1:8]
    whole = sum(map(int, (user, nice, system, *interrupts))) / os.sysconf("SC_CLK_TCK")
    used[REST] = whole - used.total()  # type: ignore[assignment]
    return used


def _read(path: Path) -> Process | None:
    """A process with the time of those of its children that have ended; `None` when it is gone itself."""
    try:
        fields = path.joinpath("stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return Process(int(fields[1]), sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK"))


def _roots(processes: dict[int, Process]) -> dict[int, str]:
    from django.db import connection
    from django_redis import get_redis_connection

    roots = {}
    for number, process in processes.items():
        if process.parent == os.getpid():
            command = PROC.joinpath(str(number), "cmdline").read_bytes().decode(errors="replace")
            roots[number] = next((part for word, part in PARTS.items() if word in command), "buyers")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = processes.get(cursor.fetchone()[0])
    if backend:  # else the server is on another machine
        roots[backend.parent] = "database"
    roots[get_redis_connection("default").info("server")["process_id"]] = "Valkey"
    return roots


def _part_of(number: int, processes: dict[int, Process], roots: dict[int, str]) -> str | None:
    while number in processes:
        if number in roots:
            return roots[number]
        number = processes[number].parent
    return None

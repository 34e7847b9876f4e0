"""Evently's own server processes, for journeys and benchmarks."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from django.conf import settings
from django.db import connection

PATIENCE = 30  # seconds


@contextmanager
def web(*, workers: int = 2, threads: int = 4, **environment: str) -> Iterator[str]:
    """Gunicorn as in production on the database of this process, which in a test is the test database. Gives its address.

    `environment` overrides single variables, like `EVENTLY_RATE_LIMITS="off"`.
    """
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "evently.wsgi:application", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads), "--log-level", "error"]
    command += ["--no-control-socket"]
    own = {"DJANGO_SETTINGS_MODULE": "evently.settings", "DATABASE_URL": database_url(), "DEBUG": "off"}
    own |= {"EVENTLY_LOG_LEVEL": "ERROR"}  # refusals are what these tests are about
    with subprocess.Popen(command, env=os.environ | own | environment, cwd=settings.BASE_DIR) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/livez")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nobody is served any more


def database_url() -> str:
    """The address of the database that this process really uses: pytest renames it after the settings were read."""
    base = os.environ["DATABASE_URL"].rpartition("/")[0]
    return f"{base}/{connection.settings_dict['NAME']}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str) -> None:
    """Return once a server answers there, whatever it says."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urlopen(url, timeout=PATIENCE):  # noqa: S310 -- our own http address
                return
        except HTTPError:
            return
        except URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def program(name: str, *places: Path) -> str | None:
    """Where a program of the system is, looked for on the PATH and then in the given places."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, places)])
    return next((str(Path(place) / name) for place in path.split(os.pathsep) if os.access(Path(place) / name, os.X_OK)), None)

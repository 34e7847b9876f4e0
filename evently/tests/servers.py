"""Evently's own server processes, for journeys and benchmarks."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
    address = f"http://127.0.0.1:{free_port()}"
    command = ["gunicorn", "evently.wsgi:application", "--bind", address.removeprefix("http://"), "--log-level", "error"]
    command += ["--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads), "--no-control-socket"]
    with running(command, EVENTLY_SITE_URL=address, **environment):
        wait_for(f"{address}/livez")
        yield address


@contextmanager
def worker(*, site_url: str, **environment: str) -> Iterator[None]:
    """A Celery worker with its beat on the database of this process."""
    command = ["celery", "--app", "evently", "--quiet", "worker", "--beat", "--pool", "solo", "--loglevel", "error"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    with running(command, EVENTLY_SITE_URL=site_url, **environment):
        yield


@contextmanager
def running(command: list[str], **environment: str) -> Iterator[None]:
    """A Python program of ours, ended with the block."""
    own = {"DJANGO_SETTINGS_MODULE": "evently.settings", "DATABASE_URL": database_url(), "DEBUG": "off"}
    with subprocess.Popen([sys.executable, "-m", *command], env=os.environ | own | environment, cwd=settings.BASE_DIR) as program:
        try:
            yield
        finally:
            program.send_signal(signal.SIGQUIT)  # at once: nobody is served any more


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

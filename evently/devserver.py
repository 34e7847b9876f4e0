"""`./dev run`: services and migrations, then web, worker and beat in one terminal, and on first start the demo, until Ctrl-C.

The processes end with this one, however it ends: on Ctrl-C, SIGTERM and a closed terminal it stops them; when it is killed, the
kernel does (on Linux), and the keeper of `devservices` stops the servers.
"""

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

import django
from django.apps import apps
from django.core.management import call_command
from django.db import connections

from evently import devservices
from payments import fake_stripe

PORT = os.environ.get("PORT", "8000")
HOST = os.environ.get("HOST", "127.0.0.1")
CELERY = ["-W", "ignore", "-m", "celery", "-A", "evently", "-q"]
PROCESSES = {
    "web": ["manage.py", "runserver", f"{HOST}:{PORT}"],
    "worker": [*CELERY, "worker", "--concurrency=2", "--without-gossip", "--without-mingle"],
    "beat": [*CELERY, "beat"],
}
DEMO = ["manage.py", "demo", "--rest-by-worker"]
COLOURS = {"web": "36", "worker": "33", "beat": "35", "stripe": "34", "demo": "32"}
CHATTER = re.compile(
    r"""Watching\ for\ file|Performing\ system|System\ check\ identified\ no|Django\ version|Starting\ development|Quit\ the
    |\w+\ \d\d,\ \d{4}\ -\ |GET\ /livez|worker:\ Warm""",
    re.VERBOSE,
)  # what needs no reading
QUIET = {"PYTHONUNBUFFERED": "1", "DJANGO_RUNSERVER_HIDE_WARNING": "true"}
ACCOUNTS = ("customer@example.com", "organizer@example.com", "admin@example.com")
PATIENCE = 10.0  # seconds for a process to end by itself

libc = ctypes.CDLL(None)


def main() -> int:
    if problem := port_problem():
        return fail(problem)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # until the processes run; leaves the services on the way out
    say("Starting PostgreSQL and Valkey ...")
    devservices.ensure(time_limits=False)
    stripe = stand_in_for_stripe()
    django.setup()
    say("Bringing the database up to date ...")
    call_command("migrate", verbosity=0)
    processes = PROCESSES | stripe | ({"demo": DEMO} if wants_demo() else {})
    connections.close_all()
    os.environ.pop("PGOPTIONS", None)  # the platform itself has time limits
    say(f"Starting {', '.join(processes)} ...")
    return asyncio.run(Platform(processes).run())


def port_problem() -> str:
    """Why the web cannot listen, with the way out; empty if it can."""
    if not PORT.isdigit() or not 0 < int(PORT) < 65536:
        return f"PORT is {PORT!r}: it must be a number from 1 to 65535."
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(PORT)))
        except OSError as error:
            return f"Port {PORT} is not free ({error.strerror}). Take another one: PORT={int(PORT) + 1} ./dev run"
    return ""


def stand_in_for_stripe() -> dict[str, list[str]]:
    """A process that plays Stripe, and a bank account, unless the environment says itself how to pay."""
    if any(os.environ.get(name) for name in ("EVENTLY_GATEWAYS", "EVENTLY_STRIPE_KEY")):
        return {}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    os.environ |= {
        "EVENTLY_GATEWAYS": "sandbox,stripe,bank_transfer",
        "EVENTLY_STRIPE_KEY": fake_stripe.KEY,
        "EVENTLY_STRIPE_WEBHOOK_SECRETS": fake_stripe.SECRET,
        "EVENTLY_STRIPE_API": address,
        "EVENTLY_STRIPE_PAGES": address,
        "EVENTLY_BANK_HOLDER": "Evently Demo",
        "EVENTLY_BANK_IBAN": "DE89370400440532013000",
    }
    return {"stripe": ["-m", "payments.fake_stripe", str(port), f"http://127.0.0.1:{PORT}/api/v1/payments/webhooks/stripe/"]}


def wants_demo() -> bool:
    """Whether the platform is empty, or its demo was interrupted: it may be loaded again at any time."""
    directory = devservices.state_directory()
    if apps.get_model("events", "Event").objects.exists() and devservices.remembered(directory, "demo", str) != "begun":
        return False
    devservices.remember(directory, {"demo": "begun", "EVENTLY_DEMO_PASSWORD": os.environ["EVENTLY_DEMO_PASSWORD"]})
    return True


def what_to_know() -> str:
    """Where everything is, and how to get in."""
    address = f"http://localhost:{PORT}"
    lines = ["", f"Evently is ready: {address}", ""]
    password = devservices.remembered(devservices.state_directory(), "EVENTLY_DEMO_PASSWORD", str)
    for account in apps.get_model("accounts", "User").objects.filter(email__in=ACCOUNTS).order_by("-email"):
        known = password if account.check_password(password) else "(the password that it was given)"
        lines.append(f"  {account.email:<24} {known}")
    connections.close_all()
    lines += [f"  Mail that it sends       {address}/dev/mail/", f"  API                      {address}/api/docs/"]
    return "\n".join([*lines, "", "Ctrl-C stops everything.", ""])


class Platform:
    """The processes of `./dev run`, each in a process group of its own, so that the terminal's Ctrl-C reaches only us."""

    def __init__(self, processes: dict[str, list[str]]) -> None:
        self.processes = processes
        self.running: dict[str, asyncio.subprocess.Process] = {}
        self.answering, self.stopping = asyncio.Event(), asyncio.Event()
        self.status = 0

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.interrupt)
        tasks = {name: asyncio.create_task(self.tend(name)) for name in self.processes}
        greeting = asyncio.create_task(self.greet(after=tasks.get("demo")))
        await self.stopping.wait()
        say("\nStopping ...")
        for process in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        await asyncio.wait(tasks.values(), timeout=PATIENCE)
        self.kill()
        await asyncio.wait([*tasks.values(), greeting])
        return self.status

    def interrupt(self) -> None:
        if self.stopping.is_set():  # the second Ctrl-C
            self.kill()
        self.stopping.set()

    def kill(self) -> None:
        """End every process group at once, and whatever a process left behind in it."""
        for process in self.running.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    async def tend(self, name: str) -> None:
        """Run a process and pass on its words. Without web all ends; worker and beat are started again, the demo is not."""
        if name != "web":  # the first page first: all of them begin by importing everything
            await self.answering.wait()
        while not self.stopping.is_set():
            self.running[name] = process = await asyncio.create_subprocess_exec(
                *(sys.executable, *self.processes[name]),
                cwd=devservices.BASE_DIR,
                env=os.environ | QUIET | ({"EVENTLY_LOG_LEVEL": "WARNING"} if name == "demo" else {}),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=2**20,
                start_new_session=True,
                preexec_fn=end_with_parent if sys.platform == "linux" else None,
            )
            if self.stopping.is_set():  # meanwhile
                process.terminate()
            assert process.stdout  # noqa: S101 -- for the type checker: it is a pipe
            async for line in process.stdout:
                text = line.decode(errors="replace").rstrip()
                if text and not CHATTER.search(text):
                    say(f"{label(name)} {text}")
            await process.wait()
            if name == "web":
                self.status = 0 if self.stopping.is_set() else 1
                self.stopping.set()
            elif name == "demo":
                if process.returncode == 0:
                    devservices.remember(devservices.state_directory(), {"demo": "loaded"})
                elif not self.stopping.is_set():
                    say(f"{label(name)} could not be loaded in full; the next start tries again.")
                return
            elif not self.stopping.is_set():
                say(f"{label(name)} ended with status {process.returncode}; starting it again.")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), 2)

    async def greet(self, after: asyncio.Task[None] | None) -> None:
        """Tell where everything is, as soon as the web answers and the demo is there."""
        while not self.stopping.is_set() and not await asyncio.to_thread(answers):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), 0.2)
        self.answering.set()  # or the end, which nobody may sleep through
        if after:
            await after
        if not self.stopping.is_set():
            say(await asyncio.to_thread(what_to_know))


def answers() -> bool:
    host = "127.0.0.1" if HOST == "0.0.0.0" else HOST  # noqa: S104 -- only compared
    try:
        urllib.request.urlopen(f"http://{host}:{PORT}/livez", timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return False
    return True


def end_with_parent() -> None:
    libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def label(name: str) -> str:
    return f"\x1b[{COLOURS[name]}m{name:<6} |\x1b[0m" if sys.stdout.isatty() else f"{name:<6} |"


def say(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone, and that is no reason not to stop in order
        print(text, flush=True)


def fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent.parent)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evently.settings")
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(1)

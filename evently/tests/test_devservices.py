import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from evently import devserver, devservices

SPEAK_AND_WAIT = (
    "import json, os; print(json.dumps({n: os.environ[n] for n in ('DATABASE_URL', 'REDIS_URL')}), flush=True); input()"
)
pytestmark = pytest.mark.xdist_group("devservices")


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    """A directory for servers, with a space and an accent in its name, that the servers' account may enter."""
    top = Path(tempfile.mkdtemp(dir="/var/tmp"))
    top.chmod(0o755)
    directory = top / "some é state"
    directory.mkdir()
    yield directory
    shutil.rmtree(top)


class Joiner:
    """A process that uses the development services until it is told to go."""

    def __init__(self, state: Path) -> None:
        inherited = {n: v for n, v in os.environ.items() if n not in {"DATABASE_URL", "REDIS_URL", *devservices.KEYS}}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "evently.devservices", "exec", sys.executable, "-c", SPEAK_AND_WAIT],
            cwd=devservices.BASE_DIR,
            env=inherited | {"EVENTLY_STATE_DIR": str(state)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def addresses(self) -> dict[str, str]:
        assert self.process.stdout
        addresses: dict[str, str] = json.loads(self.process.stdout.readline())
        return addresses

    def go(self) -> None:
        self.process.communicate("\n", timeout=60)

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def join(state: Path) -> Iterator[Callable[[], Joiner]]:
    joiners: list[Joiner] = []

    def start() -> Joiner:
        joiners.append(Joiner(state))
        return joiners[-1]

    yield start
    for joiner in joiners:
        with contextlib.suppress(ProcessLookupError):
            joiner.kill()


def listens(address: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(address).port or 0)) == 0


def keeper_is_alive(state: Path) -> bool:
    with (state / "development" / "keeper.lock").open("a") as lock:
        return not devservices._try_lock(lock)


def test_joiners_share_one_instance_and_the_last_one_out_stops_it(state, join):
    first, second = join(), join()
    addresses = first.addresses()
    assert second.addresses() == addresses

    first.go()
    assert [listens(address) for address in addresses.values()] == [True, True]

    second.go()
    assert [listens(address) for address in addresses.values()] == [False, False]
    assert not keeper_is_alive(state)
    file = state / "development" / "state.json"
    assert devservices.KEYS.keys() < json.loads(file.read_text()).keys()
    assert file.stat().st_mode & 0o777 == 0o600


def test_killed_users_leave_nothing_running_and_nothing_stale(state, join):
    killed = join()
    addresses = killed.addresses()

    killed.kill()
    give_up = time.monotonic() + 30
    while keeper_is_alive(state) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert [listens(address) for address in addresses.values()] == [False, False]

    successor = join()
    assert all(listens(address) for address in successor.addresses().values())
    successor.go()


def test_every_test_run_has_services_of_its_own(state, monkeypatch):
    monkeypatch.setenv("EVENTLY_STATE_DIR", str(state))

    first, first_lock = devservices._join("test")
    second, second_lock = devservices._join("test")
    first_lock.close()
    third, third_lock = devservices._join("test")
    second_lock.close()
    third_lock.close()

    assert [path.relative_to(state) for path in (first, second, third)] == [Path("test/1"), Path("test/2"), Path("test/1")]


def test_addresses_that_are_given_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(devservices, "_membership", None)
    monkeypatch.setenv("EVENTLY_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DATABASE_URL", "postgres://db.example/evently")
    monkeypatch.setenv("REDIS_URL", "redis://redis.example")
    for name in devservices.KEYS:
        monkeypatch.delenv(name, raising=False)

    devservices.ensure()

    assert (os.environ["DATABASE_URL"], os.environ["REDIS_URL"]) == ("postgres://db.example/evently", "redis://redis.example")
    assert all(os.environ[name] for name in devservices.KEYS)
    assert sorted(path.name for path in (tmp_path / "state" / "development").iterdir()) == [
        "start.lock",
        "state.json",
        "users.lock",
    ]


def test_a_directory_that_others_may_write_to_is_refused(tmp_path, monkeypatch):
    tmp_path.chmod(0o777)
    monkeypatch.setenv("EVENTLY_STATE_DIR", str(tmp_path))

    with pytest.raises(SystemExit, match=r"is not ours alone: set EVENTLY_STATE_DIR"):
        devservices.state_directory()


def test_a_taken_port_is_told_with_the_way_out(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setattr(devserver, "PORT", str(port))

        problem = devserver.port_problem()

    assert problem == f"Port {port} is not free (Address already in use). Take another one: PORT={port + 1} ./dev run"
    assert devserver.port_problem() == ""

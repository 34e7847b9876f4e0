"""`./dev check`: everything that can be known without running the tests. All checks run; the last lines tell which failed."""

import base64
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

BASE_DIR = Path(__file__).resolve().parent.parent
SCHEMA = BASE_DIR / "docs" / "openapi.yaml"
PINS = {"requirements.txt": (), "requirements-local.txt": ("local",), "requirements-dev.txt": ("local", "dev")}

# An environment that production accepts, with a database, a broker and a mail server that are not there.
PRODUCTION = {
    "EVENTLY_ENV": "production",
    "EVENTLY_ENV_FILE": os.devnull,
    "SECRET_KEY": secrets.token_urlsafe(48),
    "DATABASE_URL": "postgres://nobody@127.0.0.1:9/nothing",
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "ALLOWED_HOSTS": "evently.example",
    "EVENTLY_SITE_URL": "https://evently.example",
    "EVENTLY_TICKET_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    "EVENTLY_JWT_KEY": secrets.token_urlsafe(48),
    "EMAIL_URL": "smtp://127.0.0.1:9",
}


def commands(*, fresh_schema: Path, fix: bool) -> dict[str, list[str]]:
    module, manage = ["-m"], ["-W", "ignore::RuntimeWarning", "manage.py"]  # the warning: no database to compare migrations with
    return {
        "style (ruff)": [*module, "ruff", "check", "--quiet", *(["--fix"] if fix else []), "."],
        "format (ruff)": [*module, "ruff", "format", "--quiet", *([] if fix else ["--check", "--diff"]), "."],
        "types (mypy)": [*module, "mypy", "."],
        "imports (import-linter)": ["-c", "from importlinter.cli import lint_imports_command as lint; lint()"],
        "templates (djlint)": [*module, "djlint", "--lint", "--quiet", "templates"],
        "migrations complete": [*manage, "makemigrations", "--check", "--dry-run"],
        "settings for production": [*manage, "check", "--deploy", "--fail-level", "WARNING"],
        "API schema valid": [*manage, "spectacular", "--validate", "--fail-on-warn", "--file", str(fresh_schema)],
    }


def schema_differs(fresh: Path, *, fix: bool) -> str:
    """What is wrong with the committed schema, if anything."""
    if not fresh.exists():
        return "The schema could not be made."
    if fix:
        SCHEMA.parent.mkdir(exist_ok=True)
        SCHEMA.write_bytes(fresh.read_bytes())
    if SCHEMA.exists() and SCHEMA.read_bytes() == fresh.read_bytes():
        return ""
    return "docs/openapi.yaml is not what the code says; `./dev check --fix` writes it."


def stale_pins() -> str:
    """Which dependencies of pyproject.toml the pinned lists lack, or pin at a version that it does not admit."""
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]
    stale = []
    for file, extras in PINS.items():
        pins = {
            name.lower(): version for name, version in re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", (BASE_DIR / file).read_text())
        }
        wanted = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
        for requirement in map(Requirement, wanted):
            pinned = pins.get(requirement.name.lower())
            if pinned is None or not requirement.specifier.contains(pinned):
                stale.append(f"{file} has {pinned or 'nothing'} for {requirement}")
    return "\n".join(stale)


def main(*words: str) -> int:
    """Run every check, print the complaints of those that fail, and return 1 if any did."""
    fix, failed = "--fix" in words, []

    def report(name: str, complaint: str | None, seconds: float = 0) -> None:
        print(f"{'ok    ' if complaint is None else 'FAILED'}  {name}" + (f"  {seconds:.1f} s" if seconds else ""), flush=True)
        if complaint is not None:
            failed.append(name)
            print("\n" + "".join(f"        {line}\n" for line in complaint.strip().splitlines()), flush=True)

    with tempfile.TemporaryDirectory() as folder:
        fresh_schema = Path(folder) / "openapi.yaml"
        for name, command in commands(fresh_schema=fresh_schema, fix=fix).items():
            started = time.monotonic()
            run = subprocess.run(
                [sys.executable, *command],
                cwd=BASE_DIR,
                env=os.environ | PRODUCTION,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            report(name, run.stdout if run.returncode else None, time.monotonic() - started)
        report("API schema current", schema_differs(fresh_schema, fix=fix) or None)
    report("requirements current", stale_pins() or None)
    print(f"\nFailed: {', '.join(failed)}." if failed else "\nAll is well.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

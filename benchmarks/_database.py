"""A database for benchmarks alone, and how they say what they are doing."""

import sys

import psycopg

DATABASE = "evently_bench"


def tell(text: str) -> None:
    """Say it beside the results."""
    print(text, file=sys.stderr, flush=True)


def make_database(address: str) -> str:
    """Make the benchmarks' own database anew beside that of this address, and return its address."""
    base, _slash, _name = address.rpartition("/")
    with psycopg.connect(f"{base}/postgres", autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {DATABASE}")
        for setting in ("fsync", "synchronous_commit"):
            (value,) = server.execute(f"SHOW {setting}").fetchone() or ("",)
            if value != "on":
                tell(f"CAUTION: this server runs with {setting} {value}: no figure of it holds for one that keeps its data.")
    return f"{base}/{DATABASE}"

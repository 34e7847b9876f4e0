"""How long the audit takes on a database full of sold bookings.

    ./dev bench audit [--bookings 100000]

Fills a database of its own, `evently_bench`, with paid bookings of two seats as the services leave them; runs `manage.py audit`.
"""

# ruff: noqa: PLC0415 -- the application is imported after its environment was made

import argparse
import sys
import time

from benchmarks._database import set_up
from benchmarks._past import add_past


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bookings", type=int, default=100_000)
    bookings = parser.parse_args().bookings
    set_up()
    from django.core.management import CommandError, call_command

    add_past(bookings, ago="2 hours")  # so recent that their messages are looked for
    began = time.monotonic()
    try:
        call_command("audit")
    except CommandError as error:
        print(error)
        return 1
    finally:
        print(f"{bookings} bookings audited in {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m payments.fake_stripe PORT WEBHOOK_URL`: the company on its own, until it is stopped."""

import sys
import threading

from . import FakeStripe


def main(port: str, url: str) -> None:
    with FakeStripe(port=int(port), pause=2.0) as company:
        company.set_webhooks(url=url)
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])

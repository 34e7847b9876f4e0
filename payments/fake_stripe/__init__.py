"""Another company, for tests and development: Stripe's API, pay pages and webhooks on a local port, in memory.

It knows nothing of Evently and is driven by Stripe's own library. What it does not know it refuses, so that a call which Stripe
would not take does not work here either. Documented behaviour: docs.stripe.com/api, /testing, /webhooks, /currencies. Production
refuses to talk to it, or to any other address than Stripe's own.
"""

from .book import Book, Refused
from .server import KEY, SECRET, FakeStripe
from .webhooks import Message

__all__ = ["KEY", "SECRET", "Book", "FakeStripe", "Message", "Refused"]

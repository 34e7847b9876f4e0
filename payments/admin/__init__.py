"""Money at the desk: to be read, never to be edited."""

from . import accounts, ledger, offline, payments

__all__ = ["accounts", "ledger", "offline", "payments"]

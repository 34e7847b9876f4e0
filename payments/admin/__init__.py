"""Money at the desk: to be read, never to be edited."""

from . import accounts, approvals, ledger, offline, payments, payouts, runs, sales

__all__ = ["accounts", "approvals", "ledger", "offline", "payments", "payouts", "runs", "sales"]

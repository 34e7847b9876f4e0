"""Money at the desk: to be read, never to be edited."""

from . import accounts, approvals, invoices, ledger, offline, payments, payouts, runs, sales

__all__ = ["accounts", "approvals", "invoices", "ledger", "offline", "payments", "payouts", "runs", "sales"]

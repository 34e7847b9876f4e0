"""Where bookings and money meet: pay, settle, cancel, give back.

A gateway is never called inside a transaction: what is wanted is committed first, then asked of the gateway, then what it
said is committed. Whatever gets lost in between is found again by its idempotency key, by the webhook, by the browser's
return, or by the reconciliation; all of them end in `settle` and `settle_refund`. Locks: the booking (after its event), then
the payment, then a refund, then seats; whoever changes a payment's outcome has its booking locked.
"""

from .cancel import cancel_booking, cancel_event
from .changes import take_note
from .checkout import (
    Checkout,
    NothingToPay,
    give_up,
    leave_payment,
    process_webhook,
    receive_webhook,
    refresh_from_gateway,
    settle,
    settle_from_gateway,
    start_checkout,
)
from .invoices import NoInvoices, NothingToInvoice, Recipient, can_be_invoiced, documents_of, issue_invoice
from .payouts import MoreThanDue, WrittenDownAlready, record_payout, undo_payout
from .refunds import (
    NotFailed,
    TooMuch,
    execute_refund,
    fail_refund,
    pay_by_hand,
    request_refund,
    retry_refund,
    settle_refund,
)
from .returns import FourEyes, NothingWished, NotWaiting, QuoteChanged, decide, give_back, return_tickets

__all__ = [
    "Checkout",
    "FourEyes",
    "MoreThanDue",
    "NoInvoices",
    "NotFailed",
    "NotWaiting",
    "NothingToInvoice",
    "NothingToPay",
    "NothingWished",
    "QuoteChanged",
    "Recipient",
    "TooMuch",
    "WrittenDownAlready",
    "can_be_invoiced",
    "cancel_booking",
    "cancel_event",
    "decide",
    "documents_of",
    "execute_refund",
    "fail_refund",
    "give_back",
    "give_up",
    "issue_invoice",
    "leave_payment",
    "pay_by_hand",
    "process_webhook",
    "receive_webhook",
    "record_payout",
    "refresh_from_gateway",
    "request_refund",
    "retry_refund",
    "return_tickets",
    "settle",
    "settle_from_gateway",
    "settle_refund",
    "start_checkout",
    "take_note",
    "undo_payout",
]

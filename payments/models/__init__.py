"""Money that moves: what was asked of a gateway, what it said, what must go back, and the ledger of it all."""

from .approval import RefundApproval
from .invoice import Invoice, InvoiceCounter
from .ledger import Account, LedgerEntry, LedgerTransaction
from .offline import OfflineCharge, OfflineRefund
from .payment import GatewayAccount, Payment, PaymentQuerySet, WebhookEvent
from .payout import Payout
from .refund import Dispute, Refund, RefundQuerySet
from .run import RefundRun
from .sale import PlatformFee, Sale, Seller, TaxLine
from .sandbox import SandboxCharge, SandboxDispute, SandboxRefund

__all__ = [
    "Account",
    "Dispute",
    "GatewayAccount",
    "Invoice",
    "InvoiceCounter",
    "LedgerEntry",
    "LedgerTransaction",
    "OfflineCharge",
    "OfflineRefund",
    "Payment",
    "PaymentQuerySet",
    "Payout",
    "PlatformFee",
    "Refund",
    "RefundApproval",
    "RefundQuerySet",
    "RefundRun",
    "Sale",
    "SandboxCharge",
    "SandboxDispute",
    "SandboxRefund",
    "Seller",
    "TaxLine",
    "WebhookEvent",
]

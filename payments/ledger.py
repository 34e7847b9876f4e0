"""What facts about money mean in the ledger. Each is booked in the transaction that makes it true, with the payment locked.

Debits are positive. A capture puts money at the gateway (debit) that belongs to the organizer or, if it goes back, to the
buyer (credit). docs/money.md has all accounts and flows.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from django.db.models import Sum

from evently.money import divide
from events.models import Event

from . import sales
from .models import Account, Dispute, LedgerEntry, LedgerTransaction, Payment, Payout, Refund, TaxLine
from .sales import Sold

EARNED: Final = (Account.ORGANIZER, Account.PLATFORM_FEES, Account.TAX)  # who a confirmed payment belongs to
Kind = LedgerTransaction.Kind
BATCH: Final = 1000


def split(sold: Sold) -> Mapping[Account, int]:
    """Who the money of a sale belongs to: the one place that says so. The sum is what was paid, and no share is negative.

    First the tax that is in it, then the platform's fee, which is never more than what is left, then the organizer.
    """
    gross = sum(sold.gross.values())
    tax = sum(sales.included_tax(part, rate) for rate, part in sold.gross.items())
    fee = sold.terms.fee(gross_minor=gross, paid_tickets=sold.paid_tickets, at_most=gross - tax)
    return {Account.ORGANIZER: gross - tax - fee, Account.PLATFORM_FEES: fee, Account.TAX: tax}


def split_refund(amount_minor: int, *, tax_minor: int, organizer_minor: int, fee_minor: int) -> Mapping[Account, int]:
    """Who gives a refund: the tax in it, and the rest in proportion of what organizer and platform still have of the sale.

    The last refund takes exactly what is left, so that nobody keeps anything of a payment that has gone back as a whole.
    """
    rest = amount_minor - tax_minor
    owners = [organizer_minor, fee_minor] if organizer_minor or fee_minor else [1, 0]
    organizer, fee = divide(rest, owners)
    return {Account.ORGANIZER: organizer, Account.PLATFORM_FEES: fee, Account.TAX: tax_minor}


def book_capture(payment: Payment) -> None:
    """Money has come, and its outcome says whose it is."""
    book_captures([payment])


def book_captures(payments: Iterable[Payment]) -> None:
    """The same for many payments at once. What they bought is frozen, with the rates that hold now."""
    payments = list(payments)
    sold = sales.read([payment for payment in payments if payment.outcome == Payment.Outcome.CONFIRMED])
    owners = {pk: split(each) for pk, each in sold.items()}
    _post([_capture(payment, owners.get(payment.pk)) for payment in payments])
    sales.freeze((each, owners[pk][Account.PLATFORM_FEES]) for pk, each in sold.items())


def book_gateway_fee(payment: Payment, fee_minor: int) -> None:
    """What the gateway has kept of a captured payment, once it says so."""
    reference = f"fee {payment.pk}"
    if not fee_minor or LedgerTransaction.objects.filter(reference=reference).exists():
        return
    lines = {Account.GATEWAY_FEES: fee_minor, Account.CLEARING: -fee_minor}
    _post([Fact(payment, Kind.GATEWAY_FEE, reference, lines, payment.captured_currency)])


def book_refund_due(refund: Refund, of: Mapping[Decimal, int] | None = None) -> None:
    """Money that was earned is owed to the buyer: each one it belonged to gives its share. Late money was owed from the start.

    `of`: what was paid for the tickets that it is for, by rate of VAT.
    """
    payment = refund.payment
    if payment.outcome != Payment.Outcome.CONFIRMED:
        return
    taken = sales.given_back(refund.amount_minor, sales.left_by_rate(payment), of)
    # Of the sale, not of what a dispute has taken since: that is the organizer's loss alone.
    sale = LedgerEntry.objects.filter(transaction__payment=payment, transaction__kind__in=[Kind.CAPTURE, Kind.REFUND_DUE])
    own = sale.filter(account__in=EARNED, currency=refund.currency).values_list("account")
    earned = {Account(account): -total for account, total in own.annotate(total=Sum("amount_minor"))}
    shares = split_refund(
        refund.amount_minor,
        tax_minor=sum(tax for _gross, tax in taken.values()),
        organizer_minor=earned.get(Account.ORGANIZER, 0),
        fee_minor=earned.get(Account.PLATFORM_FEES, 0),
    )
    lines = {**shares, Account.BUYERS: -refund.amount_minor}
    _post([Fact(payment, Kind.REFUND_DUE, f"refund {refund.pk}", lines, refund.currency)])
    TaxLine.objects.bulk_create(
        TaxLine(event_id=refund.event_id, payment=payment, refund=refund, tax_rate=rate, gross_minor=-gross, tax_minor=-tax)
        for rate, (gross, tax) in taken.items()
    )


def book_refund_paid(refund: Refund, *, by_hand: bool = False) -> None:
    """What was owed to the buyer has left the gateway, or the organizer's own pocket."""
    source = Account.BY_HAND if by_hand else Account.CLEARING
    lines = {Account.BUYERS: refund.amount_minor, source: -refund.amount_minor}
    reference = f"paid {refund.pk} {refund.tries}"
    _post([Fact(refund.payment, Kind.REFUND_PAID, reference, lines, refund.currency)])


def book_refund_returned(refund: Refund) -> None:
    """What was paid back could not be delivered and is at the gateway again: it is owed as before."""
    lines = {Account.CLEARING: refund.amount_minor, Account.BUYERS: -refund.amount_minor}
    reference = f"returned {refund.pk} {refund.tries}"
    _post([Fact(refund.payment, Kind.REFUND_RETURNED, reference, lines, refund.currency)])


def book_dispute_opened(dispute: Dispute) -> None:
    """The buyer's bank has taken money back for the time being."""
    lines = {Account.DISPUTED: dispute.amount_minor, Account.CLEARING: -dispute.amount_minor}
    reference = f"dispute {dispute.pk}"
    _post([Fact(dispute.payment, Kind.DISPUTE_OPENED, reference, lines, dispute.currency)])


def book_dispute_closed(dispute: Dispute) -> None:
    """The money is back at the gateway, or lost, and then the organizer's loss."""
    target = Account.ORGANIZER if dispute.status == Dispute.Status.LOST else Account.CLEARING
    lines = {target: dispute.amount_minor, Account.DISPUTED: -dispute.amount_minor}
    reference = f"closed {dispute.pk}"
    _post([Fact(dispute.payment, Kind.DISPUTE_CLOSED, reference, lines, dispute.currency)])


def book_payout(payout: Payout) -> None:
    """Money has gone from the platform's bank account to an organizer, or has come from it; or it had not after all."""
    source = payout.undoes or payout
    sign = (1 if source.kind == Payout.Kind.PAID else -1) * (1 if payout.undoes is None else -1)
    reference = f"payout {payout.pk}"
    booked = LedgerTransaction.objects.create(organizer_id=payout.organizer_id, kind=Kind.PAYOUT, reference=reference)
    LedgerEntry.objects.bulk_create(
        LedgerEntry(transaction=booked, account=account, gateway="", amount_minor=amount, currency=payout.currency)
        for account, amount in ((Account.SETTLED, sign * payout.amount_minor), (Account.BANK, -sign * payout.amount_minor))
    )


class Fact(NamedTuple):
    """What is booked: the entries by account, minor units, debits positive."""

    payment: Payment
    kind: LedgerTransaction.Kind
    reference: str
    lines: Mapping[Account, int]
    currency: str


def _capture(payment: Payment, owners: Mapping[Account, int] | None) -> Fact:
    """`owners`: of a payment that confirms its booking; of any other all is owed back."""
    amount = payment.captured_minor or 0
    owners = owners if owners is not None else {Account.BUYERS: amount}
    lines = {Account.CLEARING: amount} | {account: -share for account, share in owners.items()}
    return Fact(payment, Kind.CAPTURE, f"capture {payment.pk}", lines, payment.captured_currency)


def _post(facts: Sequence[Fact]) -> None:
    events = {fact.payment.event_id for fact in facts}
    organizers = dict(Event.objects.filter(pk__in=events).values_list("pk", "organizer"))
    booked = [
        LedgerTransaction(
            event_id=fact.payment.event_id,
            organizer_id=organizers[fact.payment.event_id],
            payment=fact.payment,
            kind=fact.kind,
            reference=fact.reference,
        )
        for fact in facts
    ]
    LedgerTransaction.objects.bulk_create(booked, batch_size=BATCH)
    entries = [
        LedgerEntry(
            transaction=row,
            event_id=row.event_id,
            account=account,
            gateway=fact.payment.gateway,
            gateway_account=fact.payment.account,
            amount_minor=amount,
            currency=fact.currency,
        )
        for row, fact in zip(booked, facts, strict=True)
        for account, amount in fact.lines.items()
        if amount
    ]
    LedgerEntry.objects.bulk_create(entries, batch_size=BATCH)

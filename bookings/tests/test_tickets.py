"""Codes of tickets: ours are read without a database, all others are refused."""

import base64
import random
import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pytest_django import Settings

from bookings.models import Ticket
from bookings.tickets import PREFIX, ForgedTicket, TicketClaim, public_key, qr_png, qr_svg, sign, verify
from evently.database import uuid7


@pytest.fixture
def ticket() -> Ticket:
    return Ticket(event_id=uuid7(), booking_id=uuid7(), booking_seat_id=uuid7(), generation=3)


def test_a_code_says_which_ticket_it_is_without_a_database(ticket: Ticket) -> None:
    code = sign(ticket)
    assert verify(code, public_key()) == TicketClaim(ticket.pk, ticket.event_id, 3)
    assert sign(ticket) == code
    assert len(code) == 135


def test_another_generation_has_another_code(ticket: Ticket) -> None:
    before = sign(ticket)
    ticket.generation = 4
    assert sign(ticket) != before
    assert verify(sign(ticket), public_key()).generation == 4


def test_every_flipped_bit_is_refused(ticket: Ticket) -> None:
    code = sign(ticket).encode()
    for position in range(len(code) * 8):
        flipped = bytearray(code)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(ForgedTicket):
            verify(flipped.decode("latin-1"), public_key())


def test_a_code_signed_by_another_key_is_refused(ticket: Ticket, settings: Settings) -> None:
    ours = public_key()
    settings.EVENTLY_TICKET_KEY = base64.b64encode(secrets.token_bytes(32)).decode()
    theirs = sign(ticket)
    assert verify(theirs, public_key()).ticket_id == ticket.pk
    with pytest.raises(ForgedTicket):
        verify(theirs, ours)


def test_ten_thousand_forged_codes_are_refused(ticket: Ticket) -> None:
    key, chance = public_key(), random.Random(1)  # noqa: S311 -- repeatable, not secret
    for _ in range(10_000):
        forged = PREFIX + base64.urlsafe_b64encode(chance.randbytes(98)).decode().rstrip("=")
        with pytest.raises(ForgedTicket):
            verify(forged, key)


@pytest.mark.parametrize(
    "change",
    [
        lambda code: "",
        lambda code: PREFIX,
        lambda code: code.removeprefix(PREFIX),
        lambda code: code.lower(),
        lambda code: code + "=",
        lambda code: code + "\n",
        lambda code: code[:-1],
        lambda code: code + "A",
        lambda code: PREFIX + code,
        lambda code: "EV2." + code.removeprefix(PREFIX),
        lambda code: code.replace(code[20], "é", 1),
        lambda code: PREFIX + "A" * 1_000_000,
    ],
)
def test_what_only_looks_like_a_code_is_refused(ticket: Ticket, change: object) -> None:
    assert callable(change)
    with pytest.raises(ForgedTicket):
        verify(change(sign(ticket)), public_key())


def test_a_signature_of_something_else_by_our_key_is_refused(ticket: Ticket, settings: Settings) -> None:
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(settings.EVENTLY_TICKET_KEY))
    claim = base64.urlsafe_b64decode(sign(ticket).removeprefix(PREFIX) + "=")[:34]
    without_prefix = PREFIX + base64.urlsafe_b64encode(claim + key.sign(claim)).decode().rstrip("=")
    with pytest.raises(ForgedTicket):
        verify(without_prefix, public_key())


def test_the_picture_of_a_code_needs_no_inline_style(ticket: Ticket) -> None:
    svg = qr_svg(sign(ticket))
    assert svg.startswith('<svg viewBox="0 0 49 49"><path')
    assert "style" not in svg
    assert "class" not in svg


def test_the_picture_for_mails_is_a_png(ticket: Ticket) -> None:
    assert qr_png(sign(ticket)).startswith(b"\x89PNG\r\n\x1a\n")

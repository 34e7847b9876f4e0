"""The code on a ticket: signed with Ed25519, so that a scanner without a network can tell ours from any other.

`EV1.` and, in base64url, 34 bytes (ticket id, event id, generation) with the signature's 64 over all of that. Whether the
ticket is still valid and who has come in already, only the database knows.
"""

import base64
import binascii
import io
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from uuid import UUID

import segno
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from evently.errors import DomainError

from .models import Ticket

PREFIX: Final = "EV1."
CLAIM: Final = struct.Struct(">16s16sH")
SIGNATURE: Final = 64  # bytes
INK: Final = "#06243c"


class ForgedTicket(DomainError):
    code = "forged_ticket"
    message = _("This is not one of our tickets.")
    status = 400


@dataclass(frozen=True, slots=True)
class TicketClaim:
    """What a genuine code says: this ticket, to this event, in this generation. Not whether it is still valid."""

    ticket_id: UUID
    event_id: UUID
    generation: int


def sign(ticket: Ticket) -> str:
    """The text of the ticket's code; always the same for one generation."""
    claim = CLAIM.pack(ticket.pk.bytes, ticket.event_id.bytes, ticket.generation)
    signature = _private_key(settings.EVENTLY_TICKET_KEY).sign(PREFIX.encode() + claim)
    return PREFIX + _encode(claim + signature)


def verify(code: str, public_key: Ed25519PublicKey) -> TicketClaim:
    """What a code says if it was signed with the key; needs no database. Raises `ForgedTicket`."""
    claim, signature = _decode(code)
    try:
        public_key.verify(signature, PREFIX.encode() + claim)
    except InvalidSignature:
        raise ForgedTicket from None
    ticket, event, generation = CLAIM.unpack(claim)
    return TicketClaim(UUID(bytes=ticket), UUID(bytes=event), generation)


def public_key() -> Ed25519PublicKey:
    """What scanners verify with."""
    return _private_key(settings.EVENTLY_TICKET_KEY).public_key()


def qr_svg(code: str) -> str:
    """The code as an SVG element without size, style or title: the page gives it a box and a name."""
    picture = segno.make(code, error="m", micro=False)
    return str(picture.svg_inline(omitsize=True, border=0, dark=INK, svgclass=None, lineclass=None))


def qr_png(code: str) -> bytes:
    """The code as a picture for mails, with a white border as scanners need it."""
    out = io.BytesIO()
    segno.make(code, error="m", micro=False).save(out, kind="png", scale=5, border=4, dark=INK)
    return out.getvalue()


@lru_cache(maxsize=2)
def _private_key(seed: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(seed))


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decode(code: str) -> tuple[bytes, bytes]:
    text = code.removeprefix(PREFIX)
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ForgedTicket from None
    # One spelling for each ticket: base64 would ignore the last character's spare bits.
    if code != PREFIX + _encode(content) or len(content) != CLAIM.size + SIGNATURE:
        raise ForgedTicket
    return content[: CLAIM.size], content[CLAIM.size :]

"""Signed messages between companies, by the Standard Webhooks specification (github.com/standard-webhooks).

Headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, an HMAC-SHA256 over `id.timestamp.body`, the body as sent.
"""

import base64
import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from .base import BadSignature

TOLERANCE: Final = 300  # seconds that the clocks of two companies may differ, transport and retries included
MOST_SIGNATURES: Final = 10  # while a secret is replaced there are two


def sign(*, secret: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that prove who sent the body, and when (seconds since 1970)."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{_signature(secret, message_id, str(timestamp), body)}",
    }


def verify(*, secret: bytes, headers: Mapping[str, str], body: bytes, at: float) -> str:
    """Return the id of a message signed with the secret at most five minutes before or after `at`. Raises `BadSignature`."""
    sent = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = sent.get("webhook-id", ""), sent.get("webhook-timestamp", "")
    if not secret or not message_id or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 13):
        raise BadSignature
    if abs(at - int(timestamp)) > TOLERANCE:
        raise BadSignature
    expected = f"v1,{_signature(secret, message_id, timestamp, body)}".encode()
    signatures = sent.get("webhook-signature", "").split()[:MOST_SIGNATURES]
    if not any(hmac.compare_digest(signature.encode(), expected) for signature in signatures):
        raise BadSignature
    return message_id


def _signature(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    return base64.b64encode(hmac.new(secret, signed, sha256).digest()).decode()

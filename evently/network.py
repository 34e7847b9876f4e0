"""Where a request comes from."""

import hmac
import ipaddress
from hashlib import sha256

from django.conf import settings
from django.http import HttpRequest


def hashed_address(request: HttpRequest) -> str:
    """A keyed hash of the client's address: it counts what one network holds without keeping who that is."""
    address = client_address(
        remote=request.META.get("REMOTE_ADDR", ""),
        forwarded=request.headers.get("X-Forwarded-For", ""),
        proxies=settings.EVENTLY_TRUSTED_PROXIES,
    )
    return hmac.new(settings.SECRET_KEY.encode(), address.encode(), sha256).hexdigest()[:32] if address else ""


def client_address(*, remote: str, forwarded: str, proxies: int) -> str:
    """The network address of the client, behind `proxies` proxies of ours; empty when there is none to trust.

    Each of our proxies appends to `X-Forwarded-For` whom it was called by, so the client is that many from the right; what
    stands further left is whatever the client liked to send. An IPv6 address counts as its /64, which one customer has whole.
    """
    chain = [part.strip() for part in forwarded.split(",")] if forwarded and proxies else []
    try:
        address = ipaddress.ip_address(chain[-min(proxies, len(chain))] if chain else remote)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)

"""`Idempotency-Key`: equal keys have one effect."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from evently.database import uuid7
from evently.errors import DomainError

from .models import IdempotencyKey

HEADER: Final = "Idempotency-Key"
ACCEPTABLE: Final = re.compile(r"[!-~]{1,255}")

CLAIM = """
INSERT INTO rest_idempotencykey (id, owner, key, fingerprint, object_id) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (owner, key) DO NOTHING
"""


class KeyReused(DomainError):
    code = "idempotency_key_reused"
    message = _("This Idempotency-Key was used for another request. Use a new key for a new wish.")
    status = 422


@dataclass(frozen=True, slots=True)
class Once:
    """The caller's promise that equal keys mean the same wish; `fingerprint`, a hash of the request, proves it."""

    key: str
    fingerprint: str

    def name(self, owner: str) -> str:
        """What the caller's wish is called where names are kept for good: 53 characters."""
        return f"once {sha256(f'{owner} {self.key}'.encode()).hexdigest()[:48]}"

    def claim(self, *, owner: str, object_id: UUID) -> UUID | None:
        """Claim the key for this new object, or return the id of the object that an earlier call made with it.

        Must be the first statement of the effect's transaction. A twin in flight makes it wait until the first has
        committed (then it is replayed) or rolled back. Raises `KeyReused` when the earlier wish was another one.
        """
        with connection.cursor() as cursor:
            cursor.execute(CLAIM, [uuid7(), owner, self.key, self.fingerprint, object_id])
            if cursor.rowcount:
                return None
        first = IdempotencyKey.objects.get(owner=owner, key=self.key)
        if first.fingerprint != self.fingerprint:
            raise KeyReused
        return first.object_id


def once_of(request: Request) -> Once | None:
    """The promise in this request's header, bound to its method, path and body; none without the header."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not ACCEPTABLE.fullmatch(key):
        raise ValidationError({HEADER: [_("Use 1 to 255 visible ASCII characters.")]})
    wish = b"\n".join([str(request.method).encode(), request.path.encode(), request.body])
    return Once(key, sha256(wish).hexdigest())

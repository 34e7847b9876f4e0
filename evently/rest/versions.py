"""Edits that nobody loses: `ETag` names the version that was read, `If-Match` the one that may be changed."""

import re
from typing import Final

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from evently.errors import DomainError

TAGS: Final = re.compile(r'\s*(?:W/)?"(\d{1,9})"\s*')


class Outdated(DomainError):
    code = "outdated"
    message = _("Somebody else has changed this meanwhile. Read it again, then repeat your change.")
    status = 412


def etag(version: int) -> str:
    return f'"{version}"'


def check_version(request: Request, version: int) -> None:
    """Refuse the request if its `If-Match` is about another version. To be called under the row's lock; raises `Outdated`."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return
    tags = [TAGS.fullmatch(tag) for tag in header.split(",")]
    if not all(tags):
        raise ValidationError({"If-Match": [_('Send the ETag that you read, like "3".')]})
    if version not in {int(tag[1]) for tag in tags if tag}:
        raise Outdated

"""How the API describes itself: every operation with what it may refuse."""

from collections.abc import Iterable
from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import Direction, OpenApiParameter
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated, IsAuthenticatedOrReadOnly

from .errors import CONTENT_TYPE

DESCRIPTIONS: Final = {
    400: "Some of what was sent is not valid; `errors` tells what.",
    401: "Who are you? The token is missing, forged or expired.",
    403: "Visible, but not yours to do.",
    404: "There is no such thing, or not for you.",
    409: "The state of things does not allow it; `code` tells why.",
    412: "Somebody else has changed it since the version in `If-Match`.",
    413: "The body is too large.",
    415: "Send `application/json`.",
    422: "The Idempotency-Key was used for another request.",
    429: "Too many requests; try again after `Retry-After` seconds.",
    503: "Too many people at this moment; nothing was changed, try again after `Retry-After` seconds.",
}
IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="1 to 255 visible ASCII characters of your choice. The same key and body have one effect, however often sent.",
)
IF_MATCH: Final = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The `ETag` that was read: changes nothing if there is a newer version.",
)


class ProblemSerializer(serializers.Serializer[Any]):
    """A problem document (RFC 9457). `code` is stable, `detail` is for people."""

    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = serializers.DictField(required=False, help_text="With `invalid`: texts by field.")  # type: ignore[assignment]
    missing = serializers.ListField(
        child=serializers.UUIDField(), required=False, help_text="With `seats_unavailable`: the seats that are gone."
    )
    amount = serializers.CharField(required=False, help_text="With `quote_changed`: what goes back now.")


class Schema(AutoSchema):
    """Adds the refusals that follow from an operation's shape, and those in its view's `refusals` by action or method."""

    def _get_response_bodies(self, direction: Direction = "response") -> Any:
        responses = super()._get_response_bodies(direction)
        for status in sorted(self._refusals()):
            body = self._get_response_for_code(ProblemSerializer, str(status), [CONTENT_TYPE], direction)  # type: ignore[no-untyped-call]
            responses.setdefault(str(status), body | {"description": DESCRIPTIONS[status]})
        return responses

    def _refusals(self) -> set[int]:
        safe = self.method in SAFE_METHODS
        permissions = [type(permission) for permission in self.view.get_permissions()]
        guarded = IsAuthenticated in permissions or (IsAuthenticatedOrReadOnly in permissions and not safe)
        named: Iterable[int] = getattr(self.view, "refusals", {}).get(getattr(self.view, "action", self.method.lower()), ())
        statuses = {429, *named}
        if guarded:
            statuses.add(401)
        if "{" in self.path:
            statuses.add(404)
        if self._get_request_body():  # type: ignore[no-untyped-call]
            statuses |= {400, 413, 415}
        return statuses


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "evently.accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

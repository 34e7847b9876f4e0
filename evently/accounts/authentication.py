"""Who calls the API: the bearer of an access token, believed without a query."""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import TokenBackendError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.state import token_backend
from rest_framework_simplejwt.tokens import AccessToken

from .models import User

SCHEME = "Bearer"
TOKEN_TYPE_CLAIM = api_settings.TOKEN_TYPE_CLAIM


class InvalidToken(AuthenticationFailed):
    """The token is forged, expired, of another kind, or its person may no longer sign in."""

    default_code = "token_not_valid"
    default_detail = _("This token is not valid, or no longer.")


@dataclass(frozen=True, slots=True)
class TokenUser:
    """The person an access token names. Whoever needs more than the id asks for `person_of`."""

    pk: UUID

    is_authenticated: ClassVar = True
    is_anonymous: ClassVar = False
    is_active: ClassVar = True
    is_staff: ClassVar = False
    is_superuser: ClassVar = False

    @property
    def id(self) -> UUID:
        return self.pk


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`.

    No query: a disabled person keeps the token that is out, five minutes at most; nothing new is given to them.
    """

    def authenticate(self, request: Request) -> tuple[TokenUser, dict[str, Any]] | None:
        scheme, _space, raw = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != SCHEME.lower():
            return None
        try:
            claims = token_backend.decode(raw.strip())  # type: ignore[arg-type]  # it takes the encoded text, whatever its stubs say
            if claims[TOKEN_TYPE_CLAIM] != AccessToken.token_type or "exp" not in claims:
                raise InvalidToken
            return TokenUser(UUID(claims["sub"])), claims
        except (TokenBackendError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise InvalidToken from error

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


def person_of(request: Request) -> User:
    """The caller's account as it is now, at the price of a query for a token. Raises `InvalidToken` once it is disabled."""
    if isinstance(request.user, User):
        return request.user
    caller: Any = request.user
    person = User.objects.filter(pk=caller.pk, is_active=True).first()
    if person is None:
        raise InvalidToken
    request.user = person
    return person

"""Sign-in by API: short access tokens, and refresh tokens of which only the newest of a family may be used."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.auth.backends import ModelBackend
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from evently.database import transactional, uuid7

from .authentication import InvalidToken
from .models import TokenFamily, User


@dataclass(frozen=True, slots=True)
class Tokens:
    access: str
    refresh: str


def person_with(*, request: HttpRequest, email: str, password: str) -> User | None:
    """The active person with this proven e-mail address and password. An unknown address takes as long as a wrong password."""
    person = ModelBackend().authenticate(request, username=email, password=password)
    proven = EmailAddress.objects.filter(user=OuterRef("pk"), email=OuterRef("email"), verified=True)
    return User.objects.filter(Exists(proven), pk=person.pk).first() if person else None


def start_family(*, user: User) -> Tokens:
    """Sign a person in: the first tokens of a new family."""
    family = TokenFamily(id=uuid7(), user=user)
    tokens = _advance(family)
    family.save(force_insert=True)
    return tokens


def rotate(*, refresh: str) -> Tokens:
    """Exchange the newest refresh token of a family for the next one.

    Any other token of the family is a copy in somebody's hands: the family ends, and with it whoever holds the newest.
    Raises `InvalidToken`, also after the person was disabled or changed the password.
    """
    if tokens := _rotate(_read(refresh)):
        return tokens
    raise InvalidToken


@transactional
def _rotate(token: RefreshToken) -> Tokens | None:
    # None instead of an error: the revocation has to be committed.
    family = lock_family(UUID(token["family"]))
    if family is None or family.revoked_at:
        return None
    if (
        token["jti"] != family.current.hex
        or not family.user.is_active
        or not constant_time_compare(token["password"], _password_mark(family.user))
    ):
        family.revoked_at = Now()
        family.save(update_fields=["revoked_at"])
        return None
    tokens = _advance(family)
    family.save(update_fields=["current", "expires_at"])
    return tokens


def revoke(*, refresh: str) -> None:
    """End the family of this refresh token, whichever of the family it is. Raises `InvalidToken` for what is none."""
    family = TokenFamily.objects.filter(pk=_read(refresh)["family"], revoked_at=None)
    family.update(revoked_at=Now())


def lock_family(pk: UUID) -> TokenFamily | None:
    """The family and its person, locked: of parallel refreshes with one token the first wins."""
    families = TokenFamily.objects.select_related("user").select_for_update(of=("self",), no_key=True)
    return families.filter(pk=pk).first()


def _read(refresh: str) -> RefreshToken:
    try:
        token = RefreshToken(refresh)  # type: ignore[arg-type]  # it takes the encoded text, whatever its stubs say
        UUID(token["family"])
    except (TokenError, KeyError, ValueError) as error:
        raise InvalidToken from error
    return token


def _advance(family: TokenFamily) -> Tokens:
    """Make the family's next tokens, which then are its newest."""
    access, refresh = AccessToken(), RefreshToken()
    access["sub"] = refresh["sub"] = str(family.user_id)
    refresh["family"] = str(family.pk)
    refresh["password"] = _password_mark(family.user)
    family.current = UUID(refresh["jti"])
    family.expires_at = datetime.fromtimestamp(refresh["exp"], UTC)
    return Tokens(access=str(access), refresh=str(refresh))


def _password_mark(user: User) -> str:
    """Changes with the password, tells nothing about it (a keyed hash)."""
    return user.get_session_auth_hash()[:32]

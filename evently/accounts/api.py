"""Accounts and tokens as JSON."""

from collections.abc import Sequence
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.generics import RetrieveUpdateAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from evently.rest.throttling import LoginLimits

from . import tokens
from .authentication import person_of
from .forms import SignupForm
from .models import User
from .serializers import CredentialsSerializer, PersonSerializer, RefreshSerializer, RegisteredSerializer, TokensSerializer


class WrongCredentials(AuthenticationFailed):
    default_code = "wrong_credentials"
    default_detail = _("No account with a confirmed e-mail address has this address and password.")


class DoorView(APIView):
    """In front of the door nobody is known yet, and everybody may knock a few times."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes: Sequence[type[BaseThrottle]] = (LoginLimits,)

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"  # wrong credentials are a 401, though nothing authenticates here


class RegisterView(DoorView):
    @extend_schema(
        operation_id="register",
        tags=["accounts"],
        request=CredentialsSerializer,
        responses={202: RegisteredSerializer},
        summary="Open an account",
        description="A link in the mail that follows confirms the address. The answer is the same for one that has an account.",
    )
    def post(self, request: Request) -> Response:
        wish = _validated(CredentialsSerializer(data=request.data))
        form = SignupForm({"email": wish["email"], "password1": wish["password"]})
        if not form.is_valid():
            errors = {"password" if field == "password1" else field: texts for field, texts in form.errors.items()}
            raise ValidationError(errors)
        email = form.cleaned_data["email"]
        if form.account_already_exists:
            make_password(wish["password"])  # as long as making an account takes
            get_adapter().send_account_already_exists_mail(email)
        else:
            try:
                with transaction.atomic():
                    user = form.save(request)
            except IntegrityError:
                pass  # twice at one moment: the first one's mail is on its way
            else:
                EmailAddress.objects.get(email=email, user_id=user.pk).send_confirmation(request)
        return Response(
            {"detail": gettext("Please confirm your address: we have sent you a mail.")}, status=status.HTTP_202_ACCEPTED
        )


class ObtainView(DoorView):
    refusals = {"post": (401,)}

    @extend_schema(
        operation_id="obtain_token",
        tags=["accounts"],
        request=CredentialsSerializer,
        responses={200: TokensSerializer},
        summary="Sign in",
    )
    def post(self, request: Request) -> Response:
        wish = _validated(CredentialsSerializer(data=request.data))
        person = tokens.person_with(request=request, email=wish["email"], password=wish["password"])
        if person is None:
            raise WrongCredentials
        return Response(TokensSerializer(tokens.start_family(user=person)).data)


class RefreshView(DoorView):
    throttle_classes = APIView.throttle_classes
    refusals = {"post": (401,)}

    @extend_schema(
        operation_id="refresh_token",
        tags=["accounts"],
        request=RefreshSerializer,
        responses={200: TokensSerializer},
        summary="Exchange a refresh token for new tokens",
        description="Each refresh token works once. Using one again ends all tokens that descend from the same sign-in.",
    )
    def post(self, request: Request) -> Response:
        return Response(TokensSerializer(tokens.rotate(**_validated(RefreshSerializer(data=request.data)))).data)


class RevokeView(DoorView):
    throttle_classes = APIView.throttle_classes
    refusals = {"post": (401,)}

    @extend_schema(
        operation_id="revoke_token", tags=["accounts"], request=RefreshSerializer, responses={204: None}, summary="Sign out"
    )
    def post(self, request: Request) -> Response:
        tokens.revoke(**_validated(RefreshSerializer(data=request.data)))
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["accounts"])
class MeView(RetrieveUpdateAPIView[User]):
    """The caller's own account and teams."""

    permission_classes = (IsAuthenticated,)
    serializer_class = PersonSerializer
    http_method_names = ("get", "patch", "head", "options")

    def get_object(self) -> User:
        person = person_of(self.request)
        prefetch_related_objects([person], "memberships__organizer")
        return person

    @extend_schema(operation_id="me", summary="Who am I")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="change_me", summary="Change name and language")
    def patch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().patch(request, *args, **kwargs)


def _validated(form: CredentialsSerializer | RefreshSerializer) -> dict[str, Any]:
    form.is_valid(raise_exception=True)
    validated: dict[str, Any] = form.validated_data
    return validated

"""What teams edit by API: anybody may look, owners and managers may change."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from evently.accounts.authentication import person_of
from evently.accounts.models import Membership, Organizer, User
from evently.database import UNIQUE_VIOLATION, sqlstate, uuid7
from evently.errors import DomainError

from .idempotency import once_of
from .versions import check_version, etag

M = TypeVar("M", bound=models.Model)

EDITORS = (Membership.Role.OWNER, Membership.Role.MANAGER)
WRITES = {"create": (400, 403, 409, 422), "partial_update": (400, 403, 409, 412), "destroy": (403, 409, 412)}


def edited_by(person: User) -> models.QuerySet[Organizer]:
    """The teams whose things this person may change."""
    if person.is_superuser:
        return Organizer.objects.all()
    return Organizer.objects.filter(memberships__user=person, memberships__role__in=EDITORS)


def check_may_edit(request: Request, organizer_id: UUID) -> User:
    """Return the caller, who is owner or manager of the team or a superuser; refuse everybody else."""
    person = person_of(request)
    if not edited_by(person).filter(pk=organizer_id).exists():
        raise PermissionDenied
    return person


class Conflict(DomainError):
    code = "conflict"
    message = _("Somebody has just made one like this.")


@contextmanager
def _unique() -> Iterator[None]:
    """A transaction in which a value that another one took at the same moment is an expected refusal."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if sqlstate(error) == UNIQUE_VIOLATION:
            raise Conflict from error
        raise


class TeamField(serializers.PrimaryKeyRelatedField[Organizer]):
    """One of the caller's teams; may be left out by those who have only one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def get_queryset(self) -> models.QuerySet[Organizer]:
        return edited_by(person_of(self.context["request"]))


class TeamViewSet(GenericViewSet[M]):
    """Lists, shows, makes, changes and deletes rows that have an `organizer` and a `version`."""

    refusals = WRITES
    lookup_url_kwarg = "pk"
    write_serializer_class: ClassVar[type[serializers.BaseSerializer[Any]]]

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        return self.show(self.get_object())

    def create(self, request: Request) -> Response:
        person = person_of(request)
        form = self.write_serializer_class(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        team = form.validated_data.get("organizer") or self._only_team(person)
        pk, once = uuid7(), once_of(request)
        with _unique():
            earlier = once and once.claim(owner=f"user:{person.pk}", object_id=pk)
            if not earlier:
                form.save(id=pk, organizer=team, **self.made_by(person))
        return self.show(self.get_queryset().get(pk=earlier or pk), status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: UUID) -> Response:
        with _unique():
            row = self._lock(request, self.get_object())
            form = self.write_serializer_class(row, data=request.data, partial=True, context=self.get_serializer_context())
            form.is_valid(raise_exception=True)
            form.save(organizer=row.organizer, version=F("version") + 1)
        return self.show(self.get_queryset().get(pk=pk))

    def destroy(self, request: Request, pk: UUID) -> Response:
        with transaction.atomic():
            row = self._lock(request, self.get_object())
            self.check_deletable(row)
            row.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    def show(self, row: Any, *, status: int = status.HTTP_200_OK) -> Response:
        return Response(self.get_serializer(row).data, status=status, headers={"ETag": etag(row.version)})

    def made_by(self, person: User) -> dict[str, Any]:
        """More values of a new row."""
        return {}

    def check_deletable(self, row: M) -> None:
        """Raise a refusal for rows that must stay."""

    def _lock(self, request: Request, row: Any) -> Any:
        check_may_edit(request, row.organizer_id)
        locked: Any = type(row).objects.select_for_update(of=("self",), no_key=True).get(pk=row.pk)
        check_version(request, locked.version)
        return locked

    def _only_team(self, person: User) -> Organizer:
        teams = list(edited_by(person)[:2])
        if not teams:
            raise PermissionDenied
        if len(teams) > 1:
            raise ValidationError({"organizer": [_("Say for which of your teams.")]})
        return teams[0]

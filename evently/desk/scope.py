"""Who may see and change what at the desk: decided by a person's role in the team that an object belongs to."""

from collections.abc import Set as AbstractSet
from typing import Any, ClassVar, cast
from uuid import UUID
from weakref import WeakKeyDictionary

from django.contrib.admin.options import IncorrectLookupParameters
from django.db import DataError
from django.db.models import ForeignKey, Model, QuerySet
from django.http import Http404, HttpRequest
from django.utils.text import capfirst

from evently.accounts.models import Membership

from .stock import StockAdmin, StockInline

Role = Membership.Role
Roles = AbstractSet[str]
NOBODY: Roles = frozenset()
MANAGERS: Roles = {Role.OWNER, Role.MANAGER}
MONEY: Roles = MANAGERS | {Role.FINANCE}
SALES: Roles = MONEY | {Role.BOX_OFFICE}
EVERYBODY: Roles = SALES | {Role.DOOR}

_roles_by_request: WeakKeyDictionary[HttpRequest, dict[UUID, str]] = WeakKeyDictionary()


def teams(request: HttpRequest, roles: Roles) -> set[UUID]:
    """The teams in which this person has one of the roles; the database is asked once per request."""
    if request not in _roles_by_request:
        own = Membership.objects.filter(user=request.user.pk)
        _roles_by_request[request] = dict(own.values_list("organizer", "role"))
    return {team for team, role in _roles_by_request[request].items() if role in roles}


def is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


class ScopedAdmin(StockAdmin):
    """An admin of what belongs to teams. `viewers` may look, `editors` may add, change and delete; a superuser may both.

    `organizer_path` leads from the model to its team, `pk` at its end meaning the object itself. What a person may not see
    does not exist: it is in no list, no choice, no search, and its addresses are not found.
    """

    organizer_path: ClassVar[str] = "organizer"
    viewers: ClassVar[Roles] = EVERYBODY
    editors: ClassVar[Roles] = NOBODY
    show_full_result_count = False
    list_per_page = 50
    view_on_site = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.owned(request, self.viewers)

    def owned(self, request: HttpRequest, roles: Roles) -> QuerySet[Any]:
        """The rows of the teams in which this person has one of the roles."""
        rows = super().get_queryset(request)
        return rows if is_superuser(request) else rows.filter(**{f"{self.organizer_path}__in": teams(request, roles)})

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404
        return found

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        own = choices(self, db_field, request, self.editors)
        return super().get_field_queryset(db, db_field, request) if own is None else own

    def allows(self, request: HttpRequest, roles: Roles, obj: Model | None) -> bool:
        """Whether one of the roles is this person's in the object's team; without an object, in any team."""
        if is_superuser(request):
            return True
        own = teams(request, roles)
        return bool(own) if obj is None else self.organizer_id(obj) in own

    def organizer_id(self, obj: Model) -> UUID | None:
        owner: Any = obj
        *steps, last = self.organizer_path.split("__")
        for step in steps:
            owner = getattr(owner, step)
        pk: UUID = owner.pk if last == "pk" else getattr(owner, f"{last}_id")
        return pk

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """A filter that the database cannot ask, like a year that is none, is as wrong as one that does not exist."""
        try:
            return super().get_changelist_instance(request)
        except (DataError, OverflowError, ValueError) as error:
            raise IncorrectLookupParameters from error

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        return super().changelist_view(request, title | (extra_context or {}))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The page of a thing is called like the thing."""
        context["show_save_and_add_another"] = False
        if obj := kwargs.get("obj"):
            context |= {"title": str(obj), "subtitle": None}
        return super().render_change_form(request, context, *args, **kwargs)

    def only_team(self, request: HttpRequest) -> dict[str, Any]:
        """The organizer to begin a form with: the one team that this person may act for, if it is one."""
        own = teams(request, self.editors)
        return {"organizer": next(iter(own))} if len(own) == 1 else {}

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, self.viewers, None)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, self.viewers, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.allows(request, self.editors, None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, self.editors, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.allows(request, self.editors, obj)


class ReadOnlyAdmin(ScopedAdmin):
    """What only the services write: not even a superuser changes it by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PlatformAdmin(ScopedAdmin):
    """What belongs to no team: for superusers."""

    viewers = NOBODY

    def owned(self, request: HttpRequest, roles: Roles) -> QuerySet[Any]:
        rows = StockAdmin.get_queryset(self, request)
        return rows if is_superuser(request) else rows.none()

    def organizer_id(self, obj: Model) -> UUID | None:
        return None


class ScopedInline(StockInline):
    """Rows on the page of their owner: who may change the owner may change them."""

    extra = 0
    view_on_site = False

    @property
    def owner(self) -> ScopedAdmin:
        return cast(ScopedAdmin, self.admin_site.get_model_admin(self.parent_model))

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        own = choices(self, db_field, request, self.owner.editors)
        return super().get_field_queryset(db, db_field, request) if own is None else own

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.owner.has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.owner.has_change_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.owner.has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.owner.has_change_permission(request, obj)


class ReadOnlyInline(ScopedInline):
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def choices(
    chooser: ScopedAdmin | ScopedInline, db_field: ForeignKey[Any, Any], request: HttpRequest, roles: Roles
) -> QuerySet[Any] | None:
    """What may be chosen in a field: own things only, as far as they belong to teams; None for what does not."""
    related = chooser.admin_site._registry.get(db_field.remote_field.model)
    return related.owned(request, roles) if isinstance(related, ScopedAdmin) else None

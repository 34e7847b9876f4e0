"""People and teams at the desk: teams for their owners, people for superusers."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from evently.desk.scope import EVERYBODY, MANAGERS, PlatformAdmin, Role, ScopedAdmin, ScopedInline, is_superuser
from evently.desk.stock import StockForm, StockFormSet

from .models import Membership, Organizer, User

admin.site.unregister(Group)  # rights come from memberships


class PersonCreationForm(AdminUserCreationForm):  # type: ignore[type-arg, unused-ignore]
    class Meta:
        model = User
        fields = ("email",)


@admin.register(User)
class PersonAdmin(PlatformAdmin, UserAdmin):  # type: ignore[type-arg, unused-ignore]
    list_display = ("email", "first_name", "last_name", "is_active", "is_staff", "is_superuser", "date_joined")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("email",)
    date_hierarchy = "date_joined"
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")
    add_form = PersonCreationForm
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        (_("About"), {"fields": ("first_name", "last_name", "language")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "is_superuser")}),
        (_("Times"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "usable_password", "password1", "password2")}),)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: bookings stay. Who leaves is made inactive."""
        return False


class MembershipForm(StockForm):
    """Names a colleague by e-mail address. Whether the address has an account already is told to nobody."""

    email = forms.EmailField(
        label=_("E-mail address"), help_text=_("Without an account yet, they choose a password by “Forgot your password?”.")
    )

    class Meta:
        model = Membership
        fields = ("role",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["email"] = self.instance.user.email
            self.fields["email"].disabled = True

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).strip().lower()

    def save(self, commit: bool = True) -> Any:
        if self.instance._state.adding:
            email = self.cleaned_data["email"]
            user = User.objects.filter(email=email).first() or User.objects.create_user(email)
            if not user.is_staff:
                user.is_staff = True
                user.save(update_fields=["is_staff"])
            self.instance.user = user
        return super().save(commit)


class MembershipFormSet(StockFormSet):
    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        members = [form.cleaned_data for form in self.forms if form.cleaned_data and form not in self.deleted_forms]
        if len({member["email"] for member in members}) < len(members):
            raise ValidationError(_("Somebody is in the list twice."))
        if not any(member["role"] == Role.OWNER for member in members):
            raise ValidationError(_("A team needs an owner."))


class MembershipInline(ScopedInline):
    model = Membership
    form = MembershipForm
    formset = MembershipFormSet
    fields = ("email", "role")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("user").order_by("created_at")

    @admin.display(description=_("e-mail address"))
    def email(self, membership: Membership) -> str:
        return membership.user.email

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.owner.allows(request, MANAGERS, obj)


@admin.register(Organizer)
class OrganizerAdmin(ScopedAdmin):
    organizer_path = "pk"
    viewers = EVERYBODY
    editors = {Role.OWNER}
    list_display = ("name", "email", "members")
    search_fields = ("name", "slug")
    ordering = ("name",)
    fields = ("name", "slug", "email", "four_eyes_above")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (MembershipInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organizer]:
        rows: QuerySet[Organizer] = super().get_queryset(request)
        return rows.annotate(member_count=Count("memberships"))

    @admin.display(description=_("members"), ordering="member_count")
    def members(self, organizer: Any) -> int:
        return int(organizer.member_count)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

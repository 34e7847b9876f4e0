"""People and the teams they work in."""

from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evently.database import EditableRow, Row


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a person with this e-mail address, which is kept in lower case."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin, EditableRow):
    """A person with an account: customer, organizer or both, by memberships; admin by the superuser flag."""

    email = models.EmailField(_("e-mail address"), unique=True)
    first_name = models.CharField(_("first name"), max_length=100, blank=True)
    last_name = models.CharField(_("last name"), max_length=100, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    is_staff = models.BooleanField(_("may use the admin"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [models.CheckConstraint(condition=Q(email=Lower("email")), name="accounts_user_email_in_lower_case")]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        super().clean()
        self.email = self.email.strip().lower()

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def get_short_name(self) -> str:
        return self.first_name


class OrganizerQuerySet(models.QuerySet["Organizer"]):
    def of(self, user: Any) -> Self:
        """The teams whose things this person may see: the own ones, or all for a superuser."""
        if user.is_superuser:
            return self.all()
        return self.filter(memberships__user=user.pk)


class Organizer(EditableRow):
    """A team that sells tickets. What it owns is visible to its members only."""

    name = models.CharField(_("name"), max_length=200)
    slug = models.SlugField(_("slug"), unique=True)
    email = models.EmailField(_("contact e-mail"), blank=True)
    four_eyes_above = models.DecimalField(
        _("four eyes above"),
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("Whoever gives more than this amount of a payment back needs a colleague who agrees. Empty: nobody does."),
    )

    objects = OrganizerQuerySet.as_manager()

    class Meta:
        verbose_name = _("organizer")
        verbose_name_plural = _("organizers")

    def __str__(self) -> str:
        return self.name


class Membership(EditableRow):
    """A person's part in a team."""

    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        MANAGER = "manager", _("manager")
        FINANCE = "finance", _("finance")
        BOX_OFFICE = "box_office", _("box office")
        DOOR = "door", _("door")

    organizer = models.ForeignKey(
        Organizer, models.CASCADE, related_name="memberships", verbose_name=_("organizer"), db_index=False
    )
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships", verbose_name=_("person"))
    role = models.CharField(_("role"), max_length=10, choices=Role)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(fields=["organizer", "user"], name="accounts_membership_one_per_person"),
            models.CheckConstraint(
                condition=Q(role__in=["owner", "manager", "finance", "box_office", "door"]), name="accounts_membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"


class TokenFamily(Row):
    """All refresh tokens that descend from one sign-in by API. Only the newest may be used; an older one ends the family."""

    user = models.ForeignKey(User, models.CASCADE, related_name="token_families", verbose_name=_("person"))
    current = models.UUIDField(_("newest token"))
    expires_at = models.DateTimeField(_("expires"))
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("token family")
        verbose_name_plural = _("token families")

    def __str__(self) -> str:
        return str(self.pk)

"""How teams get their money."""

import re
from contextvars import ContextVar
from typing import Any
from urllib.parse import urljoin

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from evently.desk.scope import MONEY, Role, ScopedAdmin
from evently.desk.stock import StockForm
from evently.errors import DomainError
from payments.accounts import is_iban, seal, unseal
from payments.models import GatewayAccount


class GatewayAccountForm(StockForm):
    """Keys are typed in and never shown again."""

    key = forms.CharField(label=_("Stripe secret key"), required=False, strip=True, widget=forms.PasswordInput)
    webhook_secrets = forms.CharField(
        label=_("Signing secrets of the webhook"),
        required=False,
        widget=forms.PasswordInput,
        help_text=_("As Stripe shows them for the endpoint below; two, with a space, while one replaces the other."),
    )

    def clean(self) -> dict[str, Any]:
        facts: dict[str, Any] = super().clean() or self.cleaned_data
        gateway = facts.get("gateway") or self.instance.gateway
        if gateway == GatewayAccount.Gateway.STRIPE:
            self._clean_stripe(facts)
        elif gateway == GatewayAccount.Gateway.BANK_TRANSFER:
            self._clean_bank(facts)
        return facts

    def _clean_stripe(self, facts: dict[str, Any]) -> None:
        known = unseal(self.instance.secrets)
        secrets = {name: facts.get(name) or known.get(name, "") for name in ("key", "webhook_secrets")}
        for name, value in secrets.items():
            if not value:
                self.add_error(name, _("Stripe cannot be used without it."))
        if isinstance(found := self.found, DomainError):
            self.add_error("key", str(found))
        elif found and self.instance.payee not in ("", found):
            self.add_error("key", _("This key belongs to another account at Stripe. Add that one as a new way to get paid."))
        elif found:
            facts["payee"] = found
        else:
            facts["payee"] = self.instance.payee
        self.instance.secrets = seal(secrets)

    def _clean_bank(self, facts: dict[str, Any]) -> None:
        facts["payee"] = re.sub(r"\s", "", facts.get("payee", "")).upper()
        if not is_iban(facts["payee"]):
            self.add_error("payee", _("This is not an IBAN."))
        if not facts.get("holder"):
            self.add_error("holder", _("Buyers have to know whose account it is."))

    found: str | DomainError = ""  # whose key was typed in, as Stripe says

    class Meta:
        model = GatewayAccount
        fields = ("organizer", "gateway", "is_active", "key", "webhook_secrets", "payee", "holder", "bic", "days")


@admin.register(GatewayAccount)
class GatewayAccountAdmin(ScopedAdmin):
    """How a team gets its money. Accounts stay, switched off, for as long as money may have to go back from them."""

    viewers = MONEY
    editors = frozenset({Role.OWNER})
    form = GatewayAccountForm
    list_display = ("gateway", "organizer", "payee", "holder", "is_active")
    list_filter = ("gateway", "is_active")
    list_select_related = ("organizer",)
    ordering = ("organizer", "gateway", "-created_at")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return super().get_changeform_initial_data(request) | self.only_team(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("organizer", "gateway", "webhook_address") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        # Here, since the page itself is one transaction, in which no other company is asked anything.
        key = request.POST.get("key", "").strip() if request.method == "POST" else ""
        self._found.set(_owner_of(key) if key and "stripe" in settings.EVENTLY_GATEWAYS else "")
        return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"found": self._found.get("")})

    _found: ContextVar[str | DomainError] = ContextVar("found")

    @admin.display(description=_("webhook address"))
    def webhook_address(self, account: GatewayAccount) -> str:
        if account.gateway != GatewayAccount.Gateway.STRIPE:
            return "-"
        path = reverse("api:account-webhook", kwargs={"gateway": account.gateway, "account": account.pk})
        return urljoin(settings.EVENTLY_SITE_URL, path)


def _owner_of(key: str) -> str | DomainError:
    try:
        owner: str = import_string("payments.gateways.stripe.identify")(key)
    except DomainError as refusal:
        return refusal
    return owner

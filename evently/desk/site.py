"""The admin site: the organizers' desk."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, resolve_url
from django.urls import URLPattern, URLResolver
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from .overview import overview

# Most used first; apps that are not named follow.
APPS = ("events", "bookings", "payments", "venues", "notifications", "accounts", "outbox")


class Desk(admin.AdminSite):
    site_title = _("Evently desk")
    site_header = _("Evently")
    index_title = _("Overview")

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # Nothing here is deleted by the dozen: things have bookings, and each refusal has its own reason.
        self.disable_action("delete_selected")

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Without the redirect by content type, which would tell everybody at the desk the address of any object."""
        return [url for url in super().get_urls() if getattr(url, "name", "") != "view_on_site"]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign in where everybody does, with its limits on guessing; who may not work here is told so."""
        target = request.GET.get("next", "")
        if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
            target = resolve_url("admin:index")
        if self.has_permission(request):
            return HttpResponseRedirect(target)
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(target)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("account_change_password")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        order = {label: number for number, label in enumerate(APPS)}
        return sorted(super().get_app_list(request, app_label), key=lambda app: order.get(app["app_label"], len(order)))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().index(request, {**(extra_context or {}), "overview": overview(self, request)})

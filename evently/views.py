"""Pages and switches that belong to the whole site."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from .context import THEMES


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember light, dark or the device's choice for a year and return to where the visitor was."""
    wished, target = request.POST.get("theme", ""), request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    response = HttpResponseRedirect(target if safe else reverse("events:home"))  # not redirect(): it takes names of views, too
    if wished in THEMES:
        response.set_cookie(
            "theme", wished, max_age=365 * 24 * 3600, samesite="Lax", httponly=True, secure=settings.SESSION_COOKIE_SECURE
        )
    return response


@require_safe
def show_help(request: HttpRequest) -> HttpResponse:
    return render(request, "help.html")

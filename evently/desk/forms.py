"""Pages of the desk with one form and what there is to know before it is sent, or before a file is imported."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from .confirm import Text

SHOWN: Final = 200  # problems of each kind, unless a page wants others; the rest is counted
Problems = Sequence[tuple[Any, str]]  # where something is, and what is wrong with it


def form_page(
    request: HttpRequest,
    *,
    admin: "ModelAdmin[Any]",
    obj: Model,
    title: Text,
    form: Form,
    button: Text,
    facts: Iterable[Text] = (),
    template: str = "admin/form.html",
    **more: Any,
) -> HttpResponse:
    """The page, rendered: its times are written by the clock that holds now. 422 when the form was refused."""
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "original": obj,
        "title": title,
        "form": form,
        "media": admin.media + form.media,
        "facts": facts,
        "button": button,
        **more,
    }
    return TemplateResponse(request, template, context, status=422 if form.errors else 200).render()


def import_page(
    request: HttpRequest,
    *,
    admin: "ModelAdmin[Any]",
    title: Text,
    form: Form,
    report: object,
    refused: Problems = (),
    warnings: Problems = (),
    shown: int = SHOWN,
    token: str = "",
    back: str,
    template: str,
    **more: Any,
) -> HttpResponse:
    """The page that takes a file, tells what is in it, and asks whether to import it; `token` is what says yes."""
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": title,
        "form": form,
        "report": report,
        "refused": refused[:shown],
        "warnings": warnings[:shown],
        "more_refused": max(0, len(refused) - shown),
        "more_warnings": max(0, len(warnings) - shown),
        "token": token,
        "back": back,
        **more,
    }
    return TemplateResponse(request, template, context, status=422 if form.errors else 200)

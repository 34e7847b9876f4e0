"""A page of the desk with one form and what there is to know before it is sent."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from .confirm import Text


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

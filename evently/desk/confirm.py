"""Ask before doing what cannot be undone."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

Text = str | Promise


def unless_confirmed(
    request: HttpRequest,
    *,
    admin: "ModelAdmin[Any]",
    obj: Model,
    title: Text,
    button: Text,
    facts: Iterable[Text] = (),
    word: str = "",
) -> HttpResponse | None:
    """The page that asks, or None once the person has agreed by POST and, where `word` is given, typed it."""
    typed = request.POST.get("word", "").strip()
    error = ""
    if request.method == "POST":
        if typed.casefold() == word.casefold():
            return None
        error = _("Please type “%(word)s” to go on.") % {"word": word}
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "original": obj,
        "title": title,
        "button": button,
        "facts": facts,
        "word": word,
        "typed": typed,
        "error": error,
    }
    return TemplateResponse(request, "admin/confirm.html", context, status=422 if error else 200)

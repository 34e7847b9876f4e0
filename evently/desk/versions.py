"""Optimistic locking where people edit: nobody overwrites what they have not seen."""

from typing import Any

from django import forms
from django.contrib.admin.utils import display_for_field
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from .scope import ScopedAdmin
from .stock import StockForm


class VersionedForm(StockForm):
    """A form of a row with a `version`, which carries the version that the person has seen.

    If the row has changed since, the form comes back with everything that was typed and tells what is saved now; sending
    it again is a decision made with open eyes.
    """

    seen_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["seen_version"] = self.instance.version

    def clean(self) -> dict[str, Any] | None:
        values: dict[str, Any] | None = super().clean()
        if self.instance._state.adding:
            return values
        rows = type(self.instance)._default_manager.filter(pk=self.instance.pk)
        saved = rows.select_for_update(no_key=True, of=("self",)).get()
        if self.cleaned_data.get("seen_version") != saved.version:
            self.data: Any = self.data.copy()
            self.data[self.add_prefix("seen_version")] = str(saved.version)
            raise ValidationError([_CONFLICT, *self._differences(saved)], code="conflict")
        return values

    def _differences(self, saved: Any) -> list[ValidationError]:
        told = []
        for name in self.changed_data:
            if name in _column_names(saved):
                field = saved._meta.get_field(name)
                value = display_for_field(getattr(saved, name), field, "-")
                params = {"field": capfirst(str(self.fields[name].label)), "value": value}
                told.append(ValidationError(_("%(field)s: saved is “%(value)s”, yours is below."), params=params))
        return told


_CONFLICT = ValidationError(
    _(
        "Somebody else changed this since you opened it. Nothing of yours is lost: check the values below and save again "
        "to keep them."
    )
)


def _column_names(row: Any) -> set[str]:
    return {field.name for field in row._meta.concrete_fields}


class VersionedAdmin(ScopedAdmin):
    """Saves with a new version, and writes only what was changed, so that it can never undo what a service wrote."""

    form = VersionedForm

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """With the hidden version, for those who may save."""
        (title, options), *others = super().get_fieldsets(request, obj)
        if not obj or not self.has_change_permission(request, obj):
            return [(title, options), *others]
        return [(title, {**options, "fields": [*options["fields"], "seen_version"]}), *others]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            return
        obj.version = form.cleaned_data["seen_version"] + 1
        obj.save(update_fields={*form.changed_data, "version"} & _column_names(obj))

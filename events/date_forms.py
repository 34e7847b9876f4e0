"""What is typed at the desk to copy, repeat and move events; times by the clock of the venue."""

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminDateWidget, AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from .repetition import MOST_DATES, Every, Repetition


class CopyForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=200)
    starts_at = forms.SplitDateTimeField(
        label=_("Starts"), widget=AdminSplitDateTime, help_text=_("Doors, end and sale move along with it.")
    )


class RepeatForm(forms.Form):
    every = forms.ChoiceField(label=_("Every"), choices=[(Every.WEEK, _("week")), (Every.DAY, _("day"))])
    interval = forms.IntegerField(
        label=_("Interval"), min_value=1, max_value=52, initial=1, help_text=_("1: every one; 2: every other one.")
    )
    weekdays = forms.TypedMultipleChoiceField(
        label=_("On"),
        choices=list(WEEKDAYS.items()),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Counts for weeks. None: on the day of this event."),
    )
    until = forms.DateField(label=_("Until"), widget=AdminDateWidget, required=False)
    count = forms.IntegerField(label=_("How many more"), min_value=1, max_value=MOST_DATES, required=False)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if not self.errors and not values["until"] and not values["count"]:
            raise ValidationError(_("Say until when, or how many."))
        return values

    def repetition(self) -> Repetition:
        values = self.cleaned_data
        return Repetition(
            every=Every(values["every"]),
            interval=values["interval"],
            weekdays=frozenset(values["weekdays"]),
            until=values["until"],
            count=values["count"] or MOST_DATES,
        )


class MoveForm(forms.Form):
    starts_at = forms.SplitDateTimeField(label=_("Starts"), widget=AdminSplitDateTime)
    ends_at = forms.SplitDateTimeField(
        label=_("Ends"), widget=AdminSplitDateTime, required=False, help_text=_("Empty: it takes as long as before.")
    )
    doors_at = forms.SplitDateTimeField(
        label=_("Doors open"), widget=AdminSplitDateTime, required=False, help_text=_("Empty: as long before the start as now.")
    )
    sale_ends_at = forms.SplitDateTimeField(
        label=_("Sale ends"), widget=AdminSplitDateTime, required=False, help_text=_("Empty: as long before the start as now.")
    )

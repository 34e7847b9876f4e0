"""What is typed at the desk about venues and their seating plans."""

import zoneinfo
from collections.abc import Sequence
from itertools import count
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from evently.desk.versions import VersionedForm

from .rows import Block, Tier, around_a_pitch, facing_a_stage

LARGEST_FILE = 5_000_000  # bytes; a stadium of 60,000 seats compresses below what a form field may hold


class VenueForm(VersionedForm):
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=lambda: [("", "—"), *((name, name) for name in sorted(zoneinfo.available_timezones()))],
        help_text=_("All times of events here are shown by this clock."),
    )


class PlanFileForm(forms.Form):
    file = forms.FileField(label=_("Seating plan"), help_text=_("A JSON file in the open seating-plan format."))
    name = forms.CharField(label=_("Name"), max_length=200, required=False, help_text=_("Empty: the name in the file."))

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if (file.size or 0) > LARGEST_FILE:
            raise ValidationError(_("The file is larger than 5 MB."))
        return file


class RowsForm(forms.Form):
    """Rows of one length under one name and price. `blocks`: how many such blocks stand side by side around a pitch."""

    name = forms.CharField(label=_("Name, like Stalls"), max_length=100)
    blocks = forms.IntegerField(label=_("Blocks"), min_value=1, max_value=200, initial=1)
    rows = forms.IntegerField(label=_("Rows"), min_value=1, max_value=200)
    seats = forms.IntegerField(label=_("Seats per row"), min_value=1, max_value=500)
    letters = forms.BooleanField(label=_("Rows are letters"), required=False)
    aisle = forms.BooleanField(label=_("Aisle in the middle"), required=False)


RowsFormSet = forms.formset_factory(RowsForm, extra=3, min_num=1, validate_min=True, max_num=12, validate_max=True)


class RowPlanForm(forms.Form):
    """The plan that the rows make."""

    name = forms.CharField(label=_("Name of the plan"), max_length=200)
    arrangement = forms.ChoiceField(
        label=_("Arranged"),
        choices=[
            ("stage", _("one behind the other, facing a stage")),
            ("pitch", _("around a pitch, the first one nearest to it")),
        ],
        widget=forms.RadioSelect,
        initial="stage",
    )

    def layout(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The layout that these rows make, each as `RowsForm` cleaned it."""
        name = self.cleaned_data["name"]
        if self.cleaned_data["arrangement"] == "pitch":
            firsts = (100 * number + 1 for number in count(1))
            tiers = [
                Tier(row["name"], first, row["blocks"], row["rows"], row["seats"])
                for row, first in zip(rows, firsts, strict=False)
            ]
            return around_a_pitch(name, tiers)
        blocks = [
            Block(block, row["name"], row["rows"], row["seats"], row["letters"], row["aisle"])
            for row in rows
            for block in _names(row["name"], row["blocks"])
        ]
        return facing_a_stage(name, blocks)


def _names(name: str, blocks: int) -> list[str]:
    return [name] if blocks == 1 else [f"{name} {number}" for number in range(1, blocks + 1)]

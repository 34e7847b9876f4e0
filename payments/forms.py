"""How to pay, and what to do at the sandbox's pay page."""

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from .gateways import Gateway
from .models import SandboxCharge


class PayForm(forms.Form):
    """The way to pay: a choice where there are several."""

    gateway = forms.ChoiceField(label=_("How do you want to pay?"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, ways: Sequence[Gateway], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ChoiceField, self.fields["gateway"])
        field.choices = [(gateway.name, gateway.label) for gateway in ways]
        self.initial.setdefault("gateway", ways[0].name if ways else "")


class SandboxForm(forms.Form):
    """What happens to the test payment."""

    decision = forms.ChoiceField(
        choices=[status for status in SandboxCharge.Status.choices if status[0] != SandboxCharge.Status.OPEN]
    )

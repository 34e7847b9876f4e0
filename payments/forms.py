"""How to pay, and what to do at the sandbox's pay page."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from . import gateways
from .models import SandboxCharge


def _ways() -> list[tuple[str, Any]]:
    return [(gateway.name, gateway.label) for gateway in gateways.available()]


class PayForm(forms.Form):
    """The way to pay: a choice where there are several."""

    gateway = forms.ChoiceField(label=_("How do you want to pay?"), choices=_ways, widget=forms.RadioSelect)


class SandboxForm(forms.Form):
    """What happens to the test payment."""

    decision = forms.ChoiceField(
        choices=[status for status in SandboxCharge.Status.choices if status[0] != SandboxCharge.Status.OPEN]
    )

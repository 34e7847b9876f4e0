"""The forms of allauth in our words, each field asked once."""

from typing import Any, Final

from allauth.account import forms as account
from django import forms
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

PASSWORD_RULES: Final = _("At least 10 characters. Not one that many people use, and not only digits.")


def _forgotten() -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse("account_reset_password"), gettext("Forgotten?"))


class _OurWords:
    """Labels instead of placeholders, and no second field for the same password: a mistyped one can be reset."""

    fields: dict[str, forms.Field]
    labels: dict[str, Any] = {}
    hints: dict[str, Any] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("password2", None)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = self.labels.get(name, field.label)
            field.help_text = self.hints.get(name, "")


class LoginForm(_OurWords, account.LoginForm):
    labels = {"login": _("E-mail"), "remember": _("Stay signed in on this device")}
    hints = {"password": lazy(_forgotten, SafeString)()}


class SignupForm(_OurWords, account.SignupForm):
    first_name = forms.CharField(
        label=_("First name"), max_length=100, required=False, widget=forms.TextInput(attrs={"autocomplete": "given-name"})
    )
    last_name = forms.CharField(
        label=_("Last name"), max_length=100, required=False, widget=forms.TextInput(attrs={"autocomplete": "family-name"})
    )
    field_order = ["email", "password1", "first_name", "last_name"]
    labels = {"email": _("E-mail")}
    hints = {"email": _("We send a link to this address, to see that it is yours."), "password1": PASSWORD_RULES}


class AddEmailForm(_OurWords, account.AddEmailForm):
    labels = {"email": _("New e-mail address")}
    hints = {"email": _("It counts once you have opened the link that we send there.")}


class ChangePasswordForm(_OurWords, account.ChangePasswordForm):
    labels = {"oldpassword": _("Password until now"), "password1": _("New password")}
    hints = {"oldpassword": lazy(_forgotten, SafeString)(), "password1": PASSWORD_RULES}


class SetPasswordForm(_OurWords, account.SetPasswordForm):
    labels = {"password1": _("Password")}
    hints = {"password1": PASSWORD_RULES}


class ResetPasswordForm(_OurWords, account.ResetPasswordForm):
    labels = {"email": _("E-mail")}


class ResetPasswordKeyForm(_OurWords, account.ResetPasswordKeyForm):
    labels = {"password1": _("New password")}
    hints = {"password1": PASSWORD_RULES}


class ReauthenticateForm(_OurWords, account.ReauthenticateForm):
    labels = {"password": _("Password")}
    hints = {"password": lazy(_forgotten, SafeString)()}

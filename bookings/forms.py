"""Who the tickets are for."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from evently.templatetags.evently import seat_name

from .models import Booking, BookingSeat
from .services import Contact

# Names the text at /terms/ that was accepted; changes with it.
TERMS_VERSION: Final = "2026-11"


class DetailsForm(forms.Form):
    """The buyer's name and address, a name for each ticket if wished, the terms, and, apart from them, news by mail."""

    name = forms.CharField(
        label=_("Name"), max_length=200, widget=forms.TextInput(attrs={"class": "input", "autocomplete": "name"})
    )
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        help_text=_("We send your tickets here."),
        widget=forms.EmailInput(attrs={"class": "input", "autocomplete": "email"}),
    )
    first_is_buyer = forms.BooleanField(required=False, initial=True)
    terms = forms.BooleanField(label=_("I accept the terms"), error_messages={"required": _("Please accept the terms to go on.")})
    marketing_consent = forms.BooleanField(label=_("Write to me about other events, at most once a month."), required=False)

    def __init__(self, *args: Any, booking: Booking, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines = booking.live_seats
        for number, line in enumerate(self.lines, start=1):
            self.fields[self.attendee_field(line)] = forms.CharField(
                label=seat_name(line.seat) if line.seat.number else _("Ticket %(number)d") % {"number": number},
                max_length=200,
                required=False,
                widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
            )

    @staticmethod
    def attendee_field(line: BookingSeat) -> str:
        return f"attendee-{line.seat_id}"  # the seat stays when its ticket type, and with it the line, changes

    def attendees(self) -> list[forms.BoundField]:
        """The names on the tickets, in the order of the hall."""
        return [self[self.attendee_field(line)] for line in self.lines]

    def contact(self, booking: Booking) -> Contact:
        """What was typed, for the lines that the booking has now."""
        values = self.cleaned_data
        names = {line.pk: values.get(self.attendee_field(line), "") for line in booking.live_seats}
        if values["first_is_buyer"]:
            names[booking.live_seats[0].pk] = values["name"]
        return Contact(
            name=values["name"],
            email=values["email"],
            terms_version=TERMS_VERSION,
            marketing_consent=values["marketing_consent"],
            attendees=names,
        )

"""Links from money to what it was paid for."""

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from bookings.models import Booking


def booking_link(booking: Booking) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse("admin:bookings_booking_change", args=[booking.pk]), booking)

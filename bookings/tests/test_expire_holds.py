"""The command that tidies up after lapsed holds."""

from io import StringIO

import pytest
from django.core.management import call_command

from bookings.models import Booking
from bookings.sale import Buyer
from bookings.services import hold_seats
from bookings.tests.races import time_passes
from events.tests.factories import make_hall


@pytest.mark.django_db(transaction=True)
def test_expire_holds_says_how_many_have_expired() -> None:
    hall = make_hall()
    for number in range(2):
        buyer = Buyer(session=str(number))
        hold_seats(buyer=buyer, event_id=hall.event.pk, seats=dict.fromkeys(hall.seat_ids(number)))
        time_passes(minutes=11 * (1 - number))

    said = [StringIO(), StringIO()]
    for out in said:
        call_command("expire_holds", stdout=out)

    assert [out.getvalue() for out in said] == ["1 hold has expired.\n", "0 holds have expired.\n"]
    assert sorted(Booking.objects.values_list("status", flat=True)) == ["expired", "held"]

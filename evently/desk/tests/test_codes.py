"""Codes at the desk."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings.sale import Buyer
from bookings.services import hold_best
from evently.accounts.models import Membership
from events.codes import LETTERS, make_codes
from events.models import PromoCode, TicketType

from .conftest import SignIn, Team
from .pages import typed_into

LIST = "admin:events_promocode_changelist"


def new_code(team: Team, **typed: str) -> dict[str, str]:
    return {"organizer": str(team.organizer.pk), "event": str(team.event.pk), "is_active": "on"} | typed


def test_a_code_is_made_and_kept_in_its_canonical_form(ours: Team, sign_in: SignIn) -> None:
    client, url = sign_in(ours), reverse("admin:events_promocode_add")
    assert client.post(url, new_code(ours, code="Straße 20", amount="5.50", limit="3")).status_code == 302
    code = PromoCode.objects.get(code="Straße 20")
    assert (code.canonical, code.amount_minor, code.currency, code.limit) == ("strasse 20", 550, "EUR", 3)

    again = client.post(url, new_code(ours, code="STRASSE 20", percent="10"))
    assert "There is this code already" in again.text
    TicketType.objects.filter(pk=ours.hall.child.pk).update(sold_to="code")
    change = reverse("admin:events_promocode_change", args=[code.pk])
    typed: dict[str, Any] = typed_into(client.get(change), "promocode_form")
    assert typed["amount"] == "5.50"
    typed |= {"unlocks": str(ours.hall.child.pk), "ticket_types": str(ours.hall.adult.pk)}
    assert client.post(change, typed).status_code == 302
    assert (code.unlocks.get(), code.ticket_types.get()) == (ours.hall.child, ours.hall.adult)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ({"percent": "10", "amount": "5"}, "Say either per cent or an amount."),
        ({"percent": "0"}, "A discount is more than nothing."),
        ({"percent": "101"}, "less than or equal to 100"),
        ({"amount": "5.005"}, "EUR has 2 decimal places."),
        ({"amount": "5", "event": ""}, "In which currency?"),
        ({"code": "\N{ZERO WIDTH SPACE}"}, "This cannot be typed."),
    ],
)
def test_a_code_that_makes_no_sense_is_refused(ours: Team, sign_in: SignIn, typed: dict[str, str], reason: str) -> None:
    page = sign_in(ours).post(reverse("admin:events_promocode_add"), new_code(ours) | typed)

    assert page.status_code == 200
    assert reason in page.text
    assert PromoCode.objects.count() == 1


def test_an_event_of_another_team_is_no_choice(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    page = sign_in(ours).post(reverse("admin:events_promocode_add"), new_code(ours, percent="10", event=str(theirs.event.pk)))

    assert page.status_code == 200
    assert PromoCode.objects.filter(organizer=ours.organizer).count() == 1


def test_the_list_tells_how_often_codes_are_used_in_few_queries(ours: Team, sign_in: SignIn) -> None:
    client, url = sign_in(ours, Membership.Role.BOX_OFFICE), reverse(LIST)
    PromoCode.objects.update(limit=5)
    hold_best(buyer=Buyer(session="x"), event_id=ours.event.pk, quantities={ours.hall.adult.pk: 1}, code="ours")
    counts = []
    for more in (0, 20):
        if more:
            make_codes(like=PromoCode.objects.get(), count=more)
        with CaptureQueriesContext(connection) as queries:
            page = client.get(url)
        counts.append(len(queries))
    assert "1 / 5" in page.text
    assert "0 / 5" in page.text
    assert counts[0] == counts[1]


def test_many_codes_are_made_at_once_and_downloaded(ours: Team, sign_in: SignIn) -> None:
    client, code = sign_in(ours), PromoCode.objects.get()
    code.ticket_types.add(ours.hall.adult)
    PromoCode.objects.update(note="=1+1", limit=1)
    url = reverse("admin:events_promocode_many", args=[code.pk])
    assert "How many" in client.get(url).text
    assert client.post(url, {"count": "0"}).status_code == 422

    assert client.post(url, {"count": "25", "beginning": "FALL"}).status_code == 302

    made = PromoCode.objects.exclude(pk=code.pk)
    assert made.count() == made.values("canonical").distinct().count() == 25
    assert {len(each.code) for each in made} == {len("FALL-XXXX-XXXX")}
    assert set("".join(each.code.removeprefix("FALL") for each in made)) <= {*LETTERS, "-"}
    assert {(each.percent, each.limit, each.event) for each in made} == {(Decimal(10), 1, ours.event)}
    assert made.filter(ticket_types=ours.hall.adult).count() == 25
    everything = {"action": "download", "_selected_action": [str(pk) for pk in PromoCode.objects.values_list("pk", flat=True)]}
    listed = client.post(reverse(LIST), everything)
    assert listed["Content-Type"] == "text/csv; charset=utf-8"
    rows = listed.content.decode().splitlines()
    assert len(rows) == 1 + 26
    assert any(row.startswith("FALL-") and "ours concert,10 %,0,1" in row and row.endswith("'=1+1") for row in rows)


def test_a_used_code_is_neither_deleted_nor_limited_below_its_uses(ours: Team, sign_in: SignIn) -> None:
    client, code = sign_in(ours), PromoCode.objects.get()
    hold_best(buyer=Buyer(session="x"), event_id=ours.event.pk, quantities={ours.hall.adult.pk: 1}, code="ours")

    assert client.post(reverse("admin:events_promocode_delete", args=[code.pk]), {"post": "yes"}).status_code == 403
    change = reverse("admin:events_promocode_change", args=[code.pk])
    page = client.post(change, typed_into(client.get(change), "promocode_form") | {"limit": "0"})
    assert "It is used more often already." in page.text


def test_the_box_office_looks_and_changes_nothing(ours: Team, sign_in: SignIn) -> None:
    client, code = sign_in(ours, Membership.Role.BOX_OFFICE), PromoCode.objects.get()

    assert client.get(reverse(LIST)).status_code == 200
    assert client.post(reverse("admin:events_promocode_many", args=[code.pk]), {"count": "5"}).status_code == 403
    assert client.get(reverse("admin:events_promocode_add")).status_code == 403

"""Rules of prices at the desk: typed like prices, shown with what they will do."""

from decimal import Decimal

from django.urls import reverse

from events.models import PriceChange, PricingRule, Seat, TicketType

from .conftest import SignIn, Team
from .pages import typed_into


def test_rules_are_typed_on_the_events_page_and_take_effect_at_once(ours: Team, sign_in: SignIn) -> None:
    client, url = sign_in(ours), reverse("admin:events_event_change", args=[ours.event.pk])
    ours.hall.seats.filter(status=Seat.Status.AVAILABLE).update(status=Seat.Status.SOLD, holder=ours.event.pk)
    typed = typed_into(client.get(url), "event_form") | {
        "pricing_rules-TOTAL_FORMS": "2",
        "pricing_rules-0-concerns": str(ours.hall.adult.pk),
        "pricing_rules-0-sold_percent": "50",
        "pricing_rules-0-slack_percent": "3",
        "pricing_rules-0-change_percent": "10",
        "pricing_rules-0-ceiling": "90",
        "pricing_rules-0-round_to": "0.50",
        "pricing_rules-0-is_active": "on",
        "pricing_rules-1-concerns": "",
        "pricing_rules-1-hours_before": "2",
        "pricing_rules-1-slack_percent": "3",
        "pricing_rules-1-change": "-5",
        "pricing_rules-1-is_active": "on",
    }

    assert client.post(url, typed).status_code == 302

    one, two = PricingRule.objects.order_by("sold_percent")
    assert (one.ticket_type, one.change_percent, one.ceiling_minor, one.round_to_minor) == (
        ours.hall.adult,
        Decimal(10),
        9000,
        50,
    )
    assert (two.ticket_type, two.category, two.hours_before, two.change_minor) == (None, None, 2, -500)
    adult = TicketType.objects.get(pk=ours.hall.adult.pk)
    assert (adult.price_minor, adult.base_minor) == (9000, 8400)
    page = client.get(url)
    assert "from 50 % sold: +10 %" in page.text
    assert "€90" in page.text
    assert "From 50 % sold: +10 %" in page.text

    # Saving the page without a change keeps rules, base and price.
    assert client.post(url, typed_into(page, "event_form")).status_code == 302
    adult.refresh_from_db()
    assert (adult.price_minor, adult.base_minor, PriceChange.objects.count()) == (9000, 8400, 1)
    assert PricingRule.objects.count() == 2


def test_a_rule_that_makes_no_sense_is_refused_with_reasons(ours: Team, sign_in: SignIn) -> None:
    client, url = sign_in(ours), reverse("admin:events_event_change", args=[ours.event.pk])
    typed = typed_into(client.get(url), "event_form") | {
        "pricing_rules-TOTAL_FORMS": "1",
        "pricing_rules-0-sold_percent": "2",
        "pricing_rules-0-slack_percent": "3",
        "pricing_rules-0-floor": "90",
        "pricing_rules-0-ceiling": "80.005",
    }

    page = client.post(url, typed)

    assert page.status_code == 200
    for reason in ("either per cent or an amount", "would never end", "EUR has 2 decimal places"):
        assert reason in page.text
    assert not PricingRule.objects.exists()


def test_a_target_of_another_event_is_no_choice(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    client, url = sign_in(ours), reverse("admin:events_event_change", args=[ours.event.pk])
    typed = typed_into(client.get(url), "event_form") | {
        "pricing_rules-TOTAL_FORMS": "1",
        "pricing_rules-0-concerns": str(theirs.hall.adult.pk),
        "pricing_rules-0-sold_percent": "50",
        "pricing_rules-0-slack_percent": "3",
        "pricing_rules-0-change_percent": "10",
    }

    assert client.post(url, typed).status_code == 200
    assert not PricingRule.objects.exists()

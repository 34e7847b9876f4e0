"""Whose money it is: an organizer's own account at a gateway, or the platform's."""

from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client

from evently.accounts.models import Membership, User
from events.tests.factories import Hall, make_hall, make_organizer, make_venue
from payments import gateways
from payments.accounts import SecretsUnreadable, is_iban, seal, unseal, ways_to_pay
from payments.fake_stripe import FakeStripe
from payments.fake_stripe.server import KEY
from payments.gateways import UnknownCharge, UnknownGateway
from payments.models import GatewayAccount, Payment, WebhookEvent
from payments.services import receive_webhook, settle_from_gateway

from .factories import BOB, check_out, hold, outcomes, state

OWN_KEY, OWN_SECRET = "sk_test_own", "whsec_own"
IBAN = "DE89370400440532013000"


def stripe_account(company: FakeStripe, hall: Hall, *, key: str = OWN_KEY, secret: str = OWN_SECRET) -> GatewayAccount:
    payee = company.open_account(key, secrets=[secret])
    return GatewayAccount.objects.create(
        organizer=hall.event.organizer, gateway="stripe", payee=payee, secrets=seal({"key": key, "webhook_secrets": secret})
    )


# Secrets


def test_secrets_are_not_in_the_database_as_they_are(company: FakeStripe, hall: Hall) -> None:
    account = stripe_account(company, hall)
    account.refresh_from_db()
    assert OWN_KEY not in account.secrets
    assert OWN_SECRET not in account.secrets
    assert unseal(account.secrets) == {"key": OWN_KEY, "webhook_secrets": OWN_SECRET}
    assert (seal({"a": "b"}) == seal({"a": "b"}), unseal("")) == (False, {})


def test_sealing_keys_can_be_replaced(settings: Any) -> None:
    settings.EVENTLY_SECRET_KEYS = ["old"]
    sealed = seal({"key": "k"})
    settings.EVENTLY_SECRET_KEYS = ["new", "old"]
    assert unseal(sealed) == {"key": "k"}
    settings.EVENTLY_SECRET_KEYS = ["new"]
    with pytest.raises(SecretsUnreadable):
        unseal(sealed)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (IBAN, True),
        ("GB29NWBK60161331926819", True),
        ("DE88370400440532013000", False),
        ("", False),
        ("DE89", False),
        ("x" * 20, False),
    ],
)
def test_an_iban_is_known_by_its_check_digits(text: str, good: bool) -> None:
    assert is_iban(text) == good


# Who receives


def test_an_organizers_own_account_comes_before_the_platforms(company: FakeStripe, hall: Hall) -> None:
    assert ways_to_pay(hall.event) == {"stripe": ""}
    account = stripe_account(company, hall)
    assert ways_to_pay(hall.event) == {"stripe": str(account.pk)}
    other = make_hall(venue=make_venue(slug="other", organizer=make_organizer(slug="other")))
    assert ways_to_pay(other.event) == {"stripe": ""}
    GatewayAccount.objects.update(is_active=False)
    assert ways_to_pay(hall.event) == {"stripe": ""}


def test_without_any_account_the_way_is_not_offered(company: FakeStripe, hall: Hall, settings: Any) -> None:
    settings.EVENTLY_STRIPE_KEY, settings.EVENTLY_STRIPE_WEBHOOK_SECRETS = "", []
    settings.EVENTLY_GATEWAYS = ["stripe", "bank_transfer", "at_door"]
    assert ways_to_pay(hall.event) == {}
    with pytest.raises(UnknownGateway):
        check_out(hold(hall, 1), "stripe")


def test_a_team_has_one_account_at_a_gateway_that_is_offered(company: FakeStripe, hall: Hall) -> None:
    stripe_account(company, hall)
    with pytest.raises(IntegrityError):
        stripe_account(company, hall, key="sk_test_second")
    GatewayAccount.objects.update(is_active=False)
    stripe_account(company, hall, key="sk_test_second")


def test_the_money_goes_to_the_organizers_account_and_its_webhooks_settle_it(company: FakeStripe, hall: Hall) -> None:
    account = stripe_account(company, hall)
    booking = hold(hall, 1)
    payment = check_out(booking, "stripe").payment
    assert payment.account == str(account.pk)
    assert list(company.book.all("checkout.session")) == []  # nothing on the platform's
    company.do("pay", key=OWN_KEY, session_id=payment.gateway_id)
    told = company.message(company.events("checkout.session.completed", key=OWN_KEY)[0], key=OWN_KEY)

    url = f"/api/v1/payments/webhooks/stripe/{account.pk}/"
    answer = Client().post(url, told.body, content_type="application/json", headers=told.headers)
    assert (answer.status_code, state(booking)) == (200, ("confirmed", "paid"))


def test_the_secret_of_one_account_says_nothing_for_another(company: FakeStripe, hall: Hall) -> None:
    account = stripe_account(company, hall)
    company.do("tell", key=OWN_KEY, kind="checkout.session.completed", thing={"id": "cs_1", "object": "checkout.session"})
    told = company.message(company.events(key=OWN_KEY)[0], key=OWN_KEY)
    answers = [
        Client().post(f"/api/v1/payments/webhooks/{path}", told.body, content_type="application/json", headers=told.headers)
        for path in ("stripe/", f"stripe/{account.pk}/", "stripe/0193458a-0000-7000-8000-000000000001/")
    ]
    assert [answer.status_code for answer in answers] == [400, 200, 404]


def test_one_account_cannot_silence_the_messages_of_another(company: FakeStripe, hall: Hall) -> None:
    account = stripe_account(company, hall)
    payment = check_out(hold(hall, 1), "stripe").payment  # the platform would get the same event id
    event = {"id": "evt_1", "type": "x", "data": {"object": {"id": payment.gateway_id, "object": "checkout.session"}}}
    for owner, key in ((str(account.pk), OWN_KEY), ("", KEY)):
        told = company.message(event, key=key)
        receive_webhook(gateway="stripe", account=owner, headers=told.headers, body=told.body)
    assert WebhookEvent.objects.count() == 2


def test_a_payment_is_only_found_in_the_account_that_receives_it(company: FakeStripe, hall: Hall) -> None:
    booking = hold(hall, 1)
    payment = check_out(booking, "stripe").payment  # to the platform's
    account = stripe_account(company, hall)
    company.pay(payment.gateway_id)
    Payment.objects.update(account=str(account.pk))
    with pytest.raises(UnknownCharge):
        settle_from_gateway(payment_id=payment.pk)
    assert outcomes(booking) == [("pending", "")]


def test_old_payments_find_an_account_that_is_offered_no_more(company: FakeStripe, hall: Hall) -> None:
    stripe_account(company, hall)
    booking = hold(hall, 1)
    payment = check_out(booking, "stripe").payment
    GatewayAccount.objects.update(is_active=False)
    company.do("pay", key=OWN_KEY, session_id=payment.gateway_id)
    settle_from_gateway(payment_id=payment.pk)
    assert state(booking) == ("confirmed", "paid")
    assert check_out(hold(hall, 2, buyer=BOB), "stripe").payment.account == ""
    for account in ("nonsense", "0193458a-0000-7000-8000-000000000001"):
        with pytest.raises(UnknownGateway):
            gateways.get("stripe", account).fetch("cs_1")


# At the desk


@pytest.fixture
def owner(hall: Hall) -> Client:
    """The browser of the owner of the hall's team."""
    user = User.objects.create_user("owner@example.org", "password", is_staff=True)
    Membership.objects.create(user=user, organizer=hall.event.organizer, role="owner")
    browser = Client()
    browser.force_login(user)
    return browser


ADD = "/admin/payments/gatewayaccount/add/"


def typed(hall: Hall, **more: Any) -> dict[str, Any]:
    return {"organizer": hall.event.organizer_id, "is_active": "on", "days": 7, "payee": "", "holder": "", "bic": ""} | more


def test_an_owner_connects_stripe_and_its_keys_are_never_shown_again(company: FakeStripe, hall: Hall, owner: Client) -> None:
    payee = company.open_account(OWN_KEY)
    answer = owner.post(ADD, typed(hall, gateway="stripe", key=OWN_KEY, webhook_secrets=OWN_SECRET))
    assert answer.status_code == 302
    account = GatewayAccount.objects.get()
    assert (account.payee, unseal(account.secrets)) == (payee, {"key": OWN_KEY, "webhook_secrets": OWN_SECRET})

    change = f"/admin/payments/gatewayaccount/{account.pk}/change/"
    page = owner.get(change).content.decode()
    assert f"/api/v1/payments/webhooks/stripe/{account.pk}/" in page
    assert (OWN_KEY in page, OWN_SECRET in page) == (False, False)

    owner.post(change, typed(hall, webhook_secrets="whsec_next"))
    account.refresh_from_db()
    assert unseal(account.secrets) == {"key": OWN_KEY, "webhook_secrets": "whsec_next"}

    company.open_account("sk_test_foreign")
    answer = owner.post(change, typed(hall, key="sk_test_foreign"))
    assert "belongs to another account at Stripe" in answer.content.decode()
    account.refresh_from_db()
    assert unseal(account.secrets)["key"] == OWN_KEY
    assert owner.post(f"/admin/payments/gatewayaccount/{account.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"gateway": "stripe", "key": "sk_test_wrong", "webhook_secrets": OWN_SECRET}, "Stripe does not know this key."),
        ({"gateway": "stripe", "key": OWN_KEY}, "Stripe cannot be used without it."),
        ({"gateway": "stripe"}, "Stripe cannot be used without it."),
        ({"gateway": "bank_transfer", "holder": "City", "payee": "DE88370400440532013000"}, "This is not an IBAN."),
        ({"gateway": "bank_transfer", "payee": IBAN}, "Buyers have to know whose account it is."),
    ],
)
def test_an_account_that_could_not_work_is_refused(
    company: FakeStripe, hall: Hall, owner: Client, facts: dict[str, str], told: str
) -> None:
    company.open_account(OWN_KEY)
    assert told in owner.post(ADD, typed(hall, **facts)).content.decode()
    assert GatewayAccount.objects.count() == 0


def test_only_owners_say_where_the_money_goes(company: FakeStripe, hall: Hall, owner: Client) -> None:
    for role, answer in (("manager", 403), ("finance", 403), ("owner", 302)):
        Membership.objects.update(role=role)
        wish = typed(hall, gateway="bank_transfer", holder="City", payee="DE89 3704 0044 0532 0130 00")
        assert owner.post(ADD, wish).status_code == answer
    assert GatewayAccount.objects.get().payee == IBAN

"""The sandbox gateway, and what it signs."""

import base64
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.db.models import F
from kombu.exceptions import OperationalError as BrokerDown
from pytest_django.live_server_helper import LiveServer

from events.tests.factories import Hall
from payments import gateways
from payments.gateways import BadSignature, ChargeStatus, UnknownCharge, UnknownGateway
from payments.gateways.sandbox import OPEN_FOR, Sandbox, deliver_webhook, secret
from payments.gateways.signatures import MOST_SIGNATURES, sign, verify
from payments.models import SandboxCharge, WebhookEvent

from .factories import ABANDONED, DECLINED, check_out, decide, hold, outcomes, state

NOW = 1_800_000_000
SECRET, BODY = b"secret", b'{"type": "charge.paid", "charge": "1"}'


def signed(**other: Any) -> dict[str, str]:
    facts: dict[str, Any] = {"secret": SECRET, "message_id": "m1", "timestamp": NOW, "body": BODY}
    return sign(**facts | other)


# Signatures


def test_a_message_verifies_with_the_headers_of_the_specification() -> None:
    # The example of the specification, https://github.com/standard-webhooks/standard-webhooks
    headers = sign(
        secret=base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("at", [NOW - 300, NOW, NOW + 300])
def test_a_message_is_good_for_five_minutes_either_way(at: int) -> None:
    assert verify(secret=SECRET, headers=signed(), body=BODY, at=at) == "m1"


@pytest.mark.parametrize("at", [NOW - 301, NOW + 301])
def test_a_stale_message_or_one_from_the_future_is_refused(at: int) -> None:
    with pytest.raises(BadSignature):
        verify(secret=SECRET, headers=signed(), body=BODY, at=at)


def test_one_changed_byte_anywhere_is_refused() -> None:
    for position in range(len(BODY)):
        changed = bytearray(BODY)
        changed[position] ^= 1
        with pytest.raises(BadSignature):
            verify(secret=SECRET, headers=signed(), body=bytes(changed), at=NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": signed()["webhook-signature"].replace("v1,", "v0,")},
        {"webhook-signature": signed()["webhook-signature"].removeprefix("v1,")},
        {"webhook-signature": signed(secret=b"other")["webhook-signature"]},
        {"webhook-signature": "v1,é"},
        {"webhook-signature": " ".join(["v1,x"] * MOST_SIGNATURES + [signed()["webhook-signature"]])},
        {"webhook-id": ""},
        {"webhook-id": "m2"},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": str(NOW + 1)},
        {"webhook-timestamp": f"{NOW}.0"},
        {"webhook-timestamp": "٣"},
        {"webhook-timestamp": "9" * 5000},
    ],
)
def test_a_missing_or_wrong_header_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        verify(secret=SECRET, headers=signed() | headers if headers else {}, body=BODY, at=NOW)


def test_while_a_secret_is_replaced_either_signature_will_do() -> None:
    old = signed(secret=b"old")["webhook-signature"]
    headers = {name.title(): value for name, value in signed().items()}
    headers["Webhook-Signature"] = f"v0,x {old} {headers['Webhook-Signature']}"
    assert verify(secret=SECRET, headers=headers, body=BODY, at=NOW) == "m1"


def test_an_empty_secret_verifies_nothing() -> None:
    with pytest.raises(BadSignature):
        verify(secret=b"", headers=signed(secret=b""), body=BODY, at=NOW)


def test_the_sandbox_never_signs_with_an_empty_secret(settings: Any) -> None:
    settings.EVENTLY_SANDBOX_SECRET = ""
    derived = secret()
    assert len(derived) == 32
    settings.SECRET_KEY += "!"
    assert secret() != derived
    settings.EVENTLY_SANDBOX_SECRET = "own"  # noqa: S105 -- a test
    assert secret() == b"own"


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{}", b'{"type": "x"}', b"\xff\xfe{\x00}\x00"])
def test_what_is_signed_but_not_a_message_is_refused(body: bytes) -> None:
    headers = sign(secret=secret(), message_id="m1", timestamp=int(time.time()), body=body)
    with pytest.raises(BadSignature):
        Sandbox().parse_webhook(headers=headers, body=body)


# The sandbox's own book


WISH: dict[str, Any] = {
    "key": "k1",
    "amount_minor": 8400,
    "currency": "EUR",
    "reference": "r1",
    "description": "Concert",
    "return_url": "http://testserver/back/",
}


def test_equal_keys_open_one_charge() -> None:
    created = [Sandbox().create(**WISH) for _ in range(2)]
    assert created[0] == created[1]
    assert SandboxCharge.objects.count() == 1


def test_the_first_decision_stands() -> None:
    charge = Sandbox().create(**WISH)
    gateways.sandbox.decide(charge_id=UUID(charge.gateway_id), status=DECLINED)
    gateways.sandbox.decide(charge_id=UUID(charge.gateway_id), status=ABANDONED)
    assert Sandbox().fetch(charge.gateway_id).status == ChargeStatus.DECLINED


def test_a_charge_that_nobody_pays_is_abandoned_after_an_hour() -> None:
    charge = Sandbox().create(**WISH)
    SandboxCharge.objects.update(created_at=F("created_at") - OPEN_FOR + timedelta(minutes=1))
    assert Sandbox().fetch(charge.gateway_id).status == ChargeStatus.OPEN
    SandboxCharge.objects.update(created_at=F("created_at") - timedelta(minutes=1))
    assert Sandbox().fetch(charge.gateway_id).status == ChargeStatus.ABANDONED


@pytest.mark.parametrize("unknown", ["", "x", "0193458a-0000-7000-8000-000000000001"])
def test_an_unknown_charge_is_said_to_be_unknown(unknown: str) -> None:
    with pytest.raises(UnknownCharge):
        Sandbox().fetch(unknown)


def test_a_gateway_that_is_not_offered_is_not_there(settings: Any) -> None:
    settings.EVENTLY_GATEWAYS = []
    for name in ("sandbox", "stripe", "__class__"):
        with pytest.raises(UnknownGateway):
            gateways.get(name)


# Telling the platform


def test_the_result_is_delivered_by_a_signed_message_over_http(hall: Hall, live_server: LiveServer, settings: Any) -> None:
    settings.EVENTLY_SITE_URL = live_server.url
    booking = hold(hall, 1)
    payment = check_out(booking).payment
    decide(payment)
    assert outcomes(booking) == [("pending", "")]

    payment.refresh_from_db()
    for _ in range(2):
        deliver_webhook(payment.gateway_id, "m1")
    assert state(booking) == ("confirmed", "paid")
    assert list(WebhookEvent.objects.values_list("gateway_event_id", "kind", "error")) == [("m1", "charge.paid", "")]
    assert WebhookEvent.objects.get().processed_at


class Moody(BaseHTTPRequestHandler):
    """A platform that takes a message at the third try."""

    taken: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append(Sandbox().parse_webhook(headers=dict(self.headers), body=body).gateway_id)
        self.send_response(200 if len(self.taken) == 3 else 503)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_a_message_is_sent_until_it_is_taken(hall: Hall, settings: Any) -> None:
    payment = check_out(hold(hall, 1)).payment
    with ThreadingHTTPServer(("127.0.0.1", 0), Moody) as server:
        Thread(target=server.serve_forever).start()
        settings.EVENTLY_SITE_URL = f"http://127.0.0.1:{server.server_port}"
        result = deliver_webhook.apply([payment.gateway_id, "m1"])
        server.shutdown()
    assert result.successful()
    assert Moody.taken == [payment.gateway_id] * 3


def test_a_dead_broker_does_not_stop_a_decision(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise BrokerDown("Connection refused")

    monkeypatch.setattr(deliver_webhook, "delay", refuse)
    decide(check_out(hold(hall, 1)).payment)
    assert SandboxCharge.objects.get().status == "paid"
    assert "Sandbox webhook not queued: Connection refused" in caplog.text

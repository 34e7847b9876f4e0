"""The company's HTTP server: API, pay pages, and the switches of the tests below `/_control/`."""

import hashlib
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final, Self
from urllib.parse import parse_qsl, urlsplit

from . import pages
from .book import API_VERSION, GOOD, Book, Refused, Thing, whole_number
from .faults import Fault, Faults, Kind
from .webhooks import Courier, Endpoint, Message, deliver

KEY: Final = "sk_test_platform"
SECRET: Final = "whsec_platform"  # noqa: S105 -- of nothing
KINDS: Final = {
    "checkout/sessions": "checkout.session",
    "payment_intents": "payment_intent",
    "charges": "charge",
    "refunds": "refund",
    "disputes": "dispute",
    "balance_transactions": "balance_transaction",
    "events": "event",
}
FILTERS: Final = {"payment_intent", "charge", "status", "type", "source"}


@dataclass(slots=True)
class Answer:
    """What was answered to a key, kept with what was asked, to be said again."""

    asked: str
    status: int = 0  # none yet: still at it
    body: bytes = b""


@dataclass(slots=True)
class Account:
    book: Book
    endpoint: Endpoint = field(default_factory=Endpoint)
    answers: dict[str, Answer] = field(default_factory=dict)
    told: int = 0


class FakeStripe:
    """The company, running while its `with` block does. One account is there from the start; `open_account` makes others.

    Everything a person or another company does is a method here and a POST of JSON to `/_control/<method>`.
    """

    def __init__(self, *, port: int = 0, pause: float = 0.5) -> None:
        self.lock, self.faults, self.courier = threading.RLock(), Faults(), Courier(pause=pause)
        self.ahead = 0.0  # seconds that its clock is ahead
        self.calls: Counter[str] = Counter()
        self.stopped = threading.Event()
        self._server = Server(("127.0.0.1", port), Handler)
        self._server.company = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.accounts: dict[str, Account] = {}
        self.open_account(KEY, secrets=[SECRET])

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.courier.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self.courier.stop()

    def now(self) -> float:
        return time.time() + self.ahead

    def open_account(self, key: str, *, secrets: list[str] | None = None, url: str = "") -> str:
        """A merchant's account with its API key; return its id."""
        name = "acct_" + hashlib.sha256(key.encode()).hexdigest()[:16]
        book = Book(address=lambda: self.url, account=name, now=self.now)
        self.accounts[key] = Account(book, Endpoint(url=url, secrets=secrets or []))
        return name

    def account(self, key: str = KEY) -> Account:
        return self.accounts[key]

    @property
    def book(self) -> Book:
        return self.accounts[KEY].book

    def do(self, name: str, *, key: str = KEY, **wish: Any) -> Any:
        """Let a person do something by a method of the book, like `pay` or `dispute`."""
        with self.lock:
            done = getattr(self.accounts[key].book, name)(**wish)
            self.tell()
            return done

    def pay(self, session_id: str, card: str = GOOD, **more: Any) -> Thing:
        """A buyer types a card into the pay page. Return the payment intent."""
        intent: Thing = self.do("pay", session_id=session_id, card=card, **more)
        return intent

    def break_down(self, kind: str, **more: Any) -> None:
        """Let a fault befall the next calls; see `Fault`."""
        self.faults.add(Fault(Kind(kind), **more))

    def heal(self) -> None:
        self.faults.heal()

    def set_webhooks(self, *, key: str = KEY, **settings: Any) -> None:
        """Where and how an account hears: the members of `Endpoint`."""
        for name, value in settings.items():
            setattr(self.accounts[key].endpoint, name, tuple(value) if name == "kinds" else value)

    def events(self, *kinds: str, key: str = KEY, after: int = 0) -> list[Thing]:
        """What has happened, oldest first, without the first `after` events."""
        events = self.accounts[key].book.by_kind.get("event", [])[after:]
        return [event for event in events if not kinds or event["type"] in kinds]

    def message(self, event: Thing, *, key: str = KEY, **more: Any) -> Message:
        return self.accounts[key].endpoint.message(event, **more)

    def send_again(self, *, event: str, key: str = KEY) -> bool:
        """Deliver an event at once, as the dashboard's button does; return whether it was taken."""
        return deliver(self.accounts[key].endpoint, self.accounts[key].book.find(event, "event"))

    def tell(self) -> None:
        """Hand new events to the courier."""
        for account in self.accounts.values():
            events = account.book.by_kind.get("event", [])[account.told :]
            for event in events:
                self.courier.send(account.endpoint, event)
            account.told += len(events)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    company: FakeStripe


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server
    timeout = 60

    ROUTES: ClassVar[list[tuple[str, re.Pattern[str], str]]] = [
        ("GET", re.compile(r"/c/pay/(\w+)"), "show_session"),
        ("POST", re.compile(r"/c/pay/(\w+)"), "pay"),
        ("GET", re.compile(r"/3ds/(\w+)"), "show_challenge"),
        ("POST", re.compile(r"/3ds/(\w+)"), "authenticate"),
        ("POST", re.compile(r"/_control/(\w+)"), "control"),
    ]

    def do_GET(self) -> None:
        self.handle_call()

    def do_POST(self) -> None:
        self.handle_call()

    def handle_call(self) -> None:
        address = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if address.path.startswith("/v1/"):
            self.call_api(address.path, address.query if self.command == "GET" else content.decode())
            return
        for method, pattern, name in self.ROUTES:
            if method == self.command and (match := pattern.fullmatch(address.path)):
                getattr(self, name)(match[1], content.decode())
                return
        self.answer(404 if address.path != "/favicon.ico" else 204, b"")

    # The API

    def call_api(self, path: str, query: str) -> None:
        company = self.server.company
        company.calls[f"{self.command} {path}"] += 1
        fault = company.faults.next(self.command, path)
        if fault and fault.kind == Kind.HANGING:
            company.stopped.wait(fault.seconds or 60)
            self.cut()
            return
        if fault and fault.kind == Kind.REFUSED:
            self.answer_json(fault.status, {"error": {"type": "api_error", "message": "An error occurred. Please try again."}})
            return
        if fault and fault.kind == Kind.LATE:
            company.stopped.wait(fault.seconds)
        forced = fault.status if fault and fault.kind == Kind.FAILED else 0
        status, body, again = self.perform(path, query, forced=forced)
        if fault and fault.kind == Kind.LOST:
            self.cut()
            return
        headers = {"Request-Id": "req_fake", "Stripe-Version": API_VERSION} | ({"Idempotent-Replayed": "true"} if again else {})
        self.answer(status, body, kind="application/json", headers=headers, half=bool(fault and fault.kind == Kind.CUT))

    def perform(self, path: str, query: str, *, forced: int) -> tuple[int, bytes, bool]:
        """Do what is asked, once for each idempotency key; return status, body, and whether it was only said again."""
        company = self.server.company
        key, asked = self.headers.get("Idempotency-Key", ""), f"{self.command} {path} {query}"
        stored = False
        with company.lock:
            try:
                account = self.authenticated()
                if key and self.command == "POST":
                    if len(key) > 255:
                        raise Refused("Idempotency keys may have at most 255 characters.")
                    if answer := account.answers.get(key):
                        return (*self.said(answer, asked), True)
                    account.answers[key], stored = Answer(asked), True
                body = json.dumps(self.act(account, path, parsed(query)), indent=2).encode()
                status = 200
                if forced:
                    status, body = forced, b'{"error": {"type": "api_error", "message": "An error occurred."}}'
            except Refused as refusal:
                if stored:  # what is refused before anything is done may be asked again under the same key
                    del account.answers[key]
                return refusal.status, json.dumps(refusal.body).encode(), False
            if stored:
                account.answers[key] = Answer(asked, status, body)
            company.tell()
            return status, body, False

    def authenticated(self) -> Account:
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not (account := self.server.company.accounts.get(key)):
            raise Refused(f"Invalid API Key provided: {key[:8]}***", status=401)
        if (version := self.headers.get("Stripe-Version")) != API_VERSION:
            raise Refused(f"Invalid Stripe API version: {version}", code="api_version_invalid")
        return account

    @staticmethod
    def said(answer: Answer, asked: str) -> tuple[int, bytes]:
        if answer.asked != asked:
            message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
            raise Refused(message, kind="idempotency_error")
        if not answer.status:
            message = "There is currently another in-progress request using this key."
            raise Refused(message, status=409, kind="idempotency_error", code="idempotency_key_in_use")
        return answer.status, answer.body

    def act(self, account: Account, path: str, wish: Thing) -> Thing:
        book = account.book
        expand = [str(name) for name in wish.pop("expand", {}).values()]
        parts = path.removeprefix("/v1/").rstrip("/")
        writes: dict[str, Callable[[Thing], Thing]] = {"checkout/sessions": book.open_session, "refunds": book.refund}
        if self.command == "POST":
            if write := writes.get(parts):
                return book.show(write(wish), expand)
            if match := re.fullmatch(r"checkout/sessions/(\w+)/expire", parts):
                return book.show(book.expire_session(match[1]), expand)
            raise Refused(f"Unrecognized request URL (POST: {path}).", status=404)
        if parts == "account":
            return {"id": book.account, "object": "account", "charges_enabled": True}
        for name, kind in KINDS.items():
            if parts == name:
                return self.list_of(book, kind, wish, expand, url=path)
            if parts.startswith(name + "/") and "/" not in (thing_id := parts.removeprefix(name + "/")):
                return book.show(book.find(thing_id, kind), expand)
        raise Refused(f"Unrecognized request URL (GET: {path}).", status=404)

    @staticmethod
    def list_of(book: Book, kind: str, wish: Thing, expand: list[str], *, url: str) -> Thing:
        limit, after = whole_number(wish.pop("limit", 10), "limit"), wish.pop("starting_after", "")
        since = whole_number(wish.pop("created", {}).get("gte", 0), "created")
        if unknown := sorted(wish.keys() - FILTERS):
            raise Refused(f"Received unknown parameter: {unknown[0]}", code="parameter_unknown", param=unknown[0])
        if not 1 <= limit <= 100:
            raise Refused("This value must be between 1 and 100.", param="limit")
        found = [thing for thing in book.all(kind, **wish) if thing["created"] >= since]
        if after:
            found = found[next((place for place, thing in enumerate(found, 1) if thing["id"] == after), len(found)) :]
        inner = [name.removeprefix("data.") for name in expand]
        page = [book.show(thing, inner) for thing in found[:limit]]
        return {"object": "list", "url": url, "data": page, "has_more": len(found) > limit}

    # Pages

    def show_session(self, session_id: str, _content: str, *, error: str = "") -> None:
        with self.server.company.lock:
            found = self.owner_of(session_id, "checkout.session")
            if not found:
                self.answer(404, b"")
            elif found[1]["status"] != "open":
                self.answer_page(pages.closed_page(found[1]))
            else:
                self.answer_page(pages.pay_page(found[1], name=found[0].name_of(found[1]), error=error))

    def pay(self, session_id: str, content: str) -> None:
        company = self.server.company
        card = re.sub(r"\D", "", dict(parse_qsl(content)).get("card", ""))
        with company.lock:
            found = self.owner_of(session_id, "checkout.session")
            if not found or found[1]["status"] != "open" or not card:
                self.show_session(session_id, content, error="Your card number is incomplete.")
                return
            book, session = found
            intent = book.pay(session_id, card)
            company.tell()
        if intent["status"] == "requires_action":
            self.go_to(f"/3ds/{intent['id']}")
        else:
            self.after_try(session, intent)

    def after_try(self, session: Thing, intent: Thing) -> None:
        if session["status"] == "open":
            self.show_session(session["id"], "", error=intent["last_payment_error"]["message"])
        else:
            self.go_to(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]))

    def show_challenge(self, intent_id: str, _content: str) -> None:
        with self.server.company.lock:
            found = self.owner_of(intent_id, "payment_intent")
        self.answer_page(pages.challenge_page(found[1])) if found else self.answer(404, b"")

    def authenticate(self, intent_id: str, content: str) -> None:
        company = self.server.company
        with company.lock:
            if not (found := self.owner_of(intent_id, "payment_intent")):
                self.answer(404, b"")
                return
            session = found[0].authenticate(intent_id, passed=dict(parse_qsl(content)).get("passed") == "yes")
            company.tell()
        if session["status"] == "open":
            self.go_to(f"/c/pay/{session['id']}")
        else:
            self.after_try(session, found[1])

    def owner_of(self, thing_id: str, kind: str) -> tuple[Book, Thing] | None:
        for account in self.server.company.accounts.values():
            with suppress(Refused):
                return account.book, account.book.find(thing_id, kind)
        return None

    # Switches

    def control(self, name: str, content: str) -> None:
        """Any public method of the company, or of an account's book, with its arguments as JSON."""
        company, wish = self.server.company, json.loads(content or "{}")
        own = {"break_down", "heal", "set_webhooks", "events", "open_account", "send_again"}
        try:
            done = getattr(company, name)(**wish) if name in own else company.do(name.lstrip("_"), **wish)
        except (Refused, AttributeError, TypeError) as error:
            self.answer_json(400, {"error": str(error)})
        else:
            self.answer_json(200, {"done": done})

    # HTTP

    def go_to(self, address: str) -> None:
        self.answer(303, b"", headers={"Location": address})

    def answer_page(self, text: str) -> None:
        self.answer(200, text.encode(), kind="text/html; charset=utf-8")

    def answer_json(self, status: int, content: Any) -> None:
        self.answer(status, json.dumps(content).encode(), kind="application/json")

    def answer(
        self, status: int, body: bytes, *, kind: str = "text/plain", headers: dict[str, str] | None = None, half: bool = False
    ) -> None:
        with suppress(OSError):  # they do not wait any more
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if half else body)
            self.wfile.flush()
        if half:
            self.cut()

    def cut(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def parsed(query: str) -> Thing:
    """A form's fields as the nested members that they stand for: `a[b][0]=c` is `{"a": {"b": {"0": "c"}}}`."""
    wish: Thing = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        first, *rest = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        *path, last = [first, *rest]
        place = wish
        for step in path:
            place = place.setdefault(step, {})
        place[last or str(len(place))] = value
    return wish

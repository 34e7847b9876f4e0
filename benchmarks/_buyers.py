"""A crowd of people who want the same seats: the load generator of `onsale`, one asyncio process.

Everybody has a browser of their own (cookies, forms, redirects) and goes the way of the pages. As behind nginx, some hundred
people share few kept connections to the application; who waits for one waits as in a queue. That wait is part of what people
feel and is counted apart from what the application took.
"""

# ruff: noqa: S311 -- dice of a measurement

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import aiohttp
import psycopg

# 83 of 100 take two, as 81 to 85 of 100 network addresses did in three on-sales (shmoocon.org, "ticket sales stats", 2017 to
# 2019); the rest as in 138,953 tickets of a market (github.com/ticketevolution/seatmaps-client, mock data).
PARTIES = {1: 14, 2: 268, 3: 10, 4: 31}
FROM_ELSEWHERE = 0.4  # come straight to the seats, the others see the event's page first
JUST_LOOKS, TAKES_BEST, TAKES_APART, GIVES_BACK, CLOSES_PAGE, IS_DECLINED = 0.1, 0.25, 0.5, 0.05, 0.05, 0.05
TURNS = 4  # at choosing, then they give up
BUSY_TURNS = 5  # at what was answered "busy"
LATE = 200  # people, at most, who come after the crowd for what it has left
# Seconds, from … to
READING, CHOOSING, TYPING, PAYING, WAITING, FORGETTING = (0.5, 2), (1, 5), (3, 10), (1, 4), (2, 5), (2, 10)

BOX = re.compile(rb'<input type="checkbox" name="seat" id="s(\d+)" value="([0-9a-f-]{36})"([^>]*)>')
LETTERS, STATES_URL = re.compile(rb'data-states="(\w*)"'), re.compile(rb'data-states-url="([^"]+)"')
TYPE = re.compile(rb'<option value="([0-9a-f-]{36})">')
LAPSE = """
WITH booking AS (UPDATE bookings_booking SET expires_at = now() WHERE id = %(booking)s AND status = 'held' RETURNING id),
seat AS (
    SELECT s.id FROM events_seat s JOIN booking b ON s.holder = b.id WHERE s.status = 'held' ORDER BY s.id FOR NO KEY UPDATE OF s
)
UPDATE events_seat SET held_until = now() WHERE id IN (SELECT id FROM seat)
"""


@dataclass(frozen=True)
class Rush:
    """How many people come where, within how many seconds; `connections` they share."""

    address: str
    slug: str
    database: str
    buyers: int
    seconds: float
    connections: int
    seed: int = 1


class Took(NamedTuple):
    """Seconds that a person waited for a free connection, and then for the answer."""

    queued: float
    served: float


@dataclass
class Outcome:
    """What the crowd has seen."""

    took: dict[str, list[Took]] = field(default_factory=dict)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)  # what became of people
    busy: int = 0
    broken: int = 0  # connections that ended without an answer
    lost: int = 0  # races for seats
    late: int = 0  # people who came after the crowd, for the last seats


class Answer(NamedTuple):
    status: int
    location: str
    etag: str
    body: bytes


class Gone(Exception):
    """The person has left; says why."""


class Lost(Gone):
    """The platform did not let the person go on."""


@dataclass
class Hall:
    """The rows of seats as the page lists them: the number of a seat among the letters, its id, whether a gap is before it."""

    rows: list[list[tuple[int, str, bool]]]

    @classmethod
    def read(cls, page: bytes) -> "Hall":
        rows = [
            [(int(nth), pk.decode(), b"data-gap" in marks) for nth, pk, marks in BOX.findall(part)]
            for part in page.split(b"<fieldset")
        ]
        return cls([row for row in rows if row])

    def blocks(self, letters: str, size: int) -> Iterator[list[str]]:
        """Free neighbours, from the front to the back."""
        for row in self.rows:
            run: list[str] = []
            for nth, pk, gap in row:
                if gap or letters[nth] != "f":
                    run = []
                if letters[nth] == "f":
                    run.append(pk)
                if len(run) >= size:
                    yield run[-size:]

    def free(self, letters: str) -> list[str]:
        return [pk for row in self.rows for nth, pk, _gap in row if letters[nth] == "f"]


def run(rush: Rush) -> Outcome:
    """Let the crowd come, and return when everybody has left and nothing is for sale any more."""
    return asyncio.run(Crowd(rush).come())


class Crowd:
    def __init__(self, rush: Rush) -> None:
        self.rush, self.outcome, self.dice = rush, Outcome(), random.Random(rush.seed)
        self.connections = asyncio.Semaphore(rush.connections)
        self.hall: Hall | None = None
        self.http: aiohttp.ClientSession

    async def come(self) -> Outcome:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=1)  # gunicorn ends idle connections after two seconds
        timeout = aiohttp.ClientTimeout(total=120)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout) as self.http:
            await asyncio.gather(*(self._visit(Person(self, number)) for number in range(self.rush.buyers)))
            while self.outcome.late < LATE and await self._something_is_left():
                self.outcome.late += 1
                await self._visit(Person(self, -self.outcome.late, is_late=True))
        return self.outcome

    async def _visit(self, person: "Person") -> None:
        await asyncio.sleep(0 if person.is_late else self.dice.uniform(0, self.rush.seconds))
        try:
            await person.buy()
        except Gone as why:
            self.outcome.ends[str(why)] += 1

    async def _something_is_left(self) -> bool:
        person = Person(self, 0)
        await person.see_seats()
        return "f" in person.letters or "h" in person.letters


class Person:
    def __init__(self, crowd: Crowd, number: int, *, is_late: bool = False) -> None:
        self.crowd, self.number, self.is_late = crowd, number, is_late
        self.dice = random.Random(f"{crowd.rush.seed} {number}")
        self.party = self.dice.choices(list(PARTIES), list(PARTIES.values()))[0]
        self.cookies: dict[str, str] = {}
        self.event = f"/events/{crowd.rush.slug}/"
        self.letters, self.etag, self.states_url = "", "", ""
        self.types: list[str] = []

    async def buy(self) -> None:
        """Raise `Gone` in every case."""
        if not self.is_late and self.dice.random() > FROM_ELSEWHERE:
            page = await self.ask("event page", self.event)
            await self.think(READING)
            if f"{self.event}seats/".encode() not in page.body:
                raise Gone("read that it is sold out")
        await self.see_seats()
        if not self.is_late and self.dice.random() < JUST_LOOKS:
            raise Gone("only looked")
        booking = await self.hold()
        if not self.is_late:
            if self.dice.random() < GIVES_BACK:
                await self.send("other steps", f"{booking}cancel/", {})
                raise Gone("gave the seats back")
            if self.dice.random() < CLOSES_PAGE:
                await self.think(FORGETTING)
                await self.forget(booking)
                raise Gone("closed the page")
        try:
            await self.pay(booking)
        except Lost:
            await self.forget(booking)
            raise

    async def forget(self, booking: str) -> None:
        """Let the minutes of a booking that nobody will pay be over now."""
        await asyncio.to_thread(_lapse, self.crowd.rush.database, booking.split("/")[2])

    async def see_seats(self) -> None:
        answer = await self.ask("seat page", f"{self.event}seats/")
        if answer.status != 200:
            raise Gone("was sent away from the seats")
        self.read_seats(answer.body)

    def read_seats(self, page: bytes) -> None:
        if self.crowd.hall is None:
            self.crowd.hall = Hall.read(page)
        if letters := LETTERS.search(page):
            self.letters, self.etag = letters[1].decode(), ""
        if url := STATES_URL.search(page):
            self.states_url = url[1].decode()
        self.types = [pk.decode() for pk in TYPE.findall(page)]

    async def see_states(self) -> None:
        """What the page's script asks for every few seconds."""
        answer = await self.ask("seat states", self.states_url, headers={"If-None-Match": self.etag} if self.etag else {})
        if answer.status == 200:
            self.letters, self.etag = answer.body.decode(), answer.etag

    async def hold(self) -> str:
        """The address of the booking that has the seats."""
        takes_best = self.dice.random() < TAKES_BEST
        for _turn in range(TURNS):
            await self.think(CHOOSING)
            if takes_best and self.types:
                choice = {"seats": "1", "ticket_type": self.dice.choice(self.types), "quantity": str(self.party)}
                answer = await self.send("hold", f"{self.event}tickets/", choice)
                takes_best = False  # refused, they choose
            else:
                await self.see_states()
                if "f" not in self.letters and "h" not in self.letters:
                    raise Gone("saw it sold out")
                chosen = self.choose()
                if not chosen:  # what is held now may come back
                    await self.think(WAITING)
                    continue
                answer = await self.send("hold", f"{self.event}seats/", [("seat", pk) for pk in chosen])
            if answer.status == 302 and answer.location.startswith("/bookings/"):
                return answer.location.removesuffix("details/")
            if answer.status != 409:
                raise Gone(f"was answered {answer.status}")
            self.crowd.outcome.lost += 1
            self.read_seats(answer.body)
        raise Gone("gave up")

    def choose(self) -> list[str]:
        """Neighbours rather in front than at the back; when there are none, some take seats apart."""
        hall = self.crowd.hall
        if hall is None:
            raise RuntimeError("The page of seats lists none.")
        size = min(self.party, self.letters.count("f")) if self.is_late else self.party
        if blocks := list(hall.blocks(self.letters, size)):
            return blocks[min(int(self.dice.expovariate(4 / len(blocks))), len(blocks) - 1)]
        free = hall.free(self.letters)
        takes_apart = self.is_late or self.dice.random() < TAKES_APART
        return self.dice.sample(free, size) if takes_apart and len(free) >= size else []

    async def pay(self, booking: str) -> None:
        await self.ask("other steps", f"{booking}details/")
        await self.think(TYPING)
        email = f"buyer-{self.crowd.rush.seed}-{abs(self.number)}{'-late' * self.is_late}@example.org"
        person = {"name": f"Buyer {self.number}", "email": email, "first_is_buyer": "on", "terms": "on"}
        answer = await self.send("other steps", f"{booking}details/", person)
        for decision in ("declined", "paid") if self.dice.random() < IS_DECLINED else ("paid",):
            if not answer.location.endswith("/pay/"):
                raise Lost("came too late to pay")
            await self.ask("other steps", answer.location)
            answer = await self.send("other steps", answer.location, {"gateway": "sandbox"})
            charge = answer.location
            await self.ask("other steps", charge)
            await self.think(PAYING)
            answer = await self.send("other steps", charge, {"decision": decision})
            answer = await self.ask("other steps", answer.location)  # back from the gateway
        while answer.location:
            answer = await self.ask("other steps", answer.location)
        raise Gone("has tickets" if b'href="/tickets/' in answer.body else "paid and has no tickets yet")

    async def think(self, seconds: tuple[float, float]) -> None:
        await asyncio.sleep(self.dice.uniform(*seconds))

    async def send(self, kind: str, path: str, form: dict[str, str] | list[tuple[str, str]]) -> Answer:
        fields = [*(form.items() if isinstance(form, dict) else form), ("csrfmiddlewaretoken", self.cookies.get("csrftoken", ""))]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.ask(kind, path, body=urlencode(fields).encode(), headers=headers)

    async def ask(self, kind: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """The answer; whoever is told that it is busy asks again when told to."""
        outcome = self.crowd.outcome
        for _turn in range(BUSY_TURNS):
            asked = time.perf_counter()
            async with self.crowd.connections:
                began = time.perf_counter()
                try:
                    answer, retry_after = await self._exchange(path, body, headers or {})
                except (aiohttp.ClientError, TimeoutError) as error:
                    outcome.broken += 1
                    raise Lost("got no answer") from error
                took = Took(began - asked, time.perf_counter() - began)
            name = {"hold": {302: "hold", 409: "refused hold"}, "seat states": {304: "seat states, 304"}}.get(kind, {})
            if answer.status != 503 or retry_after is None:
                outcome.took.setdefault(name.get(answer.status, kind), []).append(took)
                outcome.answers[kind, answer.status] += 1
                return answer
            outcome.busy += 1
            await asyncio.sleep(retry_after * self.dice.uniform(1, 1.5))
        raise Lost("was told to come back too often")

    async def _exchange(self, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[Answer, float | None]:
        url = self.crowd.rush.address + urlsplit(path)._replace(scheme="", netloc="").geturl()
        if self.cookies:
            headers = headers | {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        call: Callable[..., aiohttp.client._RequestContextManager] = self.crowd.http.get if body is None else self.crowd.http.post
        async with call(url, data=body, headers=headers, allow_redirects=False) as response:
            content = await response.read()
            self.cookies |= {name: cookie.value for name, cookie in response.cookies.items()}
            told = response.headers
            answer = Answer(response.status, told.get("Location", ""), told.get("ETag", ""), content)
            return answer, float(told["Retry-After"]) if "Retry-After" in told else None


def _lapse(database: str, booking: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(LAPSE, {"booking": booking})

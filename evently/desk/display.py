"""How states and numbers look at the desk. Words first; colour only supports them."""

from typing import Final
from uuid import UUID

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from evently.accounts.models import User

OK, WARN, BAD, CALM = "ok", "warn", "danger", "calm"
TONES: Final = {
    "published": OK,
    "confirmed": OK,
    "paid": OK,
    "captured": OK,
    "sent": OK,
    "valid": OK,
    "held": WARN,
    "paying": WARN,
    "pending": WARN,
    "postponed": WARN,
    "requested": WARN,
    "waiting": WARN,
    "approved": OK,
    "queued": WARN,
    "partly_refunded": WARN,
    "cancelled": BAD,
    "declined": BAD,
    "failed": BAD,
    "dead": BAD,
}


def badge(text: str, state: str) -> SafeString:
    """A state as a word in a coloured pill; `state` chooses the tone."""
    return format_html('<span class="badge badge--{}">{}</span>', TONES.get(state, CALM), text)


def person_name(actor: str) -> str:
    """Who `user:…` in a history is: their name, else their address; any other actor as it is written."""
    kind, _sep, pk = actor.partition(":")
    try:
        person = User.objects.filter(pk=UUID(pk)).first() if kind == "user" else None
    except ValueError:
        return actor
    return actor if person is None else person.get_full_name() or person.email


def fill_bar(taken: int, capacity: int) -> SafeString:
    """How full it is: a bar and “412 / 500”."""
    label = gettext("%(taken)d of %(capacity)d places taken") % {"taken": taken, "capacity": capacity}
    return format_html(
        '<span class="filled"><progress class="fill" max="{}" value="{}" aria-label="{}"></progress> {}\u202f/\u202f{}</span>',
        max(capacity, 1),
        taken,
        label,
        taken,
        capacity,
    )

"""How states and numbers look at the desk. Words first; colour only supports them."""

from typing import Final

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

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

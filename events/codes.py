"""Make codes that people can read out and type."""

import secrets
from typing import Any, Final

from django.db import transaction

from .models import PromoCode, canonical_code

LETTERS: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without those that look like others
BLOCKS, BLOCK = 2, 4  # 8 letters of 31: forty bits
MOST: Final = 5_000  # at once
BATCH = 1_000
COPIED: Final = (
    *("organizer_id", "event_id", "percent", "amount_minor", "currency", "starts_at", "ends_at", "limit", "per_customer"),
    *("is_active", "note"),
)


def random_code(prefix: str = "") -> str:
    """A code nobody guesses, like “SUMMER-7K3Q-9MTX”."""
    blocks = ["".join(secrets.choice(LETTERS) for _ in range(BLOCK)) for _ in range(BLOCKS)]
    return "-".join([prefix, *blocks] if prefix else blocks)


@transaction.atomic
def make_codes(*, like: PromoCode, count: int, prefix: str = "") -> list[PromoCode]:
    """Make `count` more codes that do the same as this one, each with its own limits; all of them or none."""
    taken = set(PromoCode.objects.filter(organizer=like.organizer_id).values_list("canonical", flat=True))
    fresh: dict[str, str] = {}
    while len(fresh) < count:
        code = random_code(prefix)
        if canonical_code(code) not in taken:
            fresh[canonical_code(code)] = code
    copied = {name: getattr(like, name) for name in COPIED}
    made = PromoCode.objects.bulk_create(
        (PromoCode(**copied, code=code, canonical=canonical) for canonical, code in fresh.items()), batch_size=BATCH
    )
    both: list[tuple[Any, Any]] = [
        (PromoCode.ticket_types.through, like.ticket_types),
        (PromoCode.unlocks.through, like.unlocks),
    ]
    for links, types in both:
        chosen = list(types.values_list("pk", flat=True))
        links.objects.bulk_create(
            (links(promocode_id=code.pk, tickettype_id=pk) for code in made for pk in chosen), batch_size=BATCH
        )
    return made

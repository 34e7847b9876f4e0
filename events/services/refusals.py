"""What organizers are refused, with everything that they need to put it right."""

from collections.abc import Sequence
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evently.errors import DomainError
from events.models import Event


class SeveralReasons(DomainError):
    """`reasons` holds all that is missing or wrong, so that it can be put right in one go."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(" ".join([str(self.message), *reasons]))
        self.reasons = list(reasons)

    def extra(self) -> dict[str, Any]:
        return {"reasons": self.reasons}


class NotPublishable(SeveralReasons):
    code = "not_publishable"
    message = gettext_lazy("This event cannot be published yet.")


class NotMovable(SeveralReasons):
    code = "not_movable"
    message = gettext_lazy("This event cannot be moved like that.")


class VenueTaken(DomainError):
    """Another published event is in the venue at that time. It is named: what is published anybody may see."""

    code = "venue_taken"
    message = gettext_lazy("Another event takes place in this venue at that time.")

    def __init__(self, rival: Event | None) -> None:
        if rival is None:  # it was published in this very moment, and may be gone again
            super().__init__()
            return
        clock = rival.venue.zone
        super().__init__(
            _(
                "“%(title)s” takes place in this venue from %(start)s to %(end)s. "
                "Choose another time, or say that the event shares the venue."
            )
            % {
                "title": rival.title,
                "start": date_format(rival.starts_at.astimezone(clock), "j M Y, H:i"),
                "end": date_format(rival.ends_at.astimezone(clock), "j M Y, H:i"),
            }
        )

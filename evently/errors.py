"""Expected refusals: what the platform says no to, politely and with a code that programs can rely on."""

from typing import Any, ClassVar

from django.utils.functional import Promise


class DomainError(Exception):
    """An expected refusal. It leaves every transaction that it passes through without effect.

    Subclasses live beside the code that raises them. `code` is stable and public, `message` is fit for a customer,
    `status` is the HTTP status it is answered with, `retry_after` seconds to wait before asking again.
    """

    code: ClassVar[str]
    message: ClassVar[str | Promise]
    status: ClassVar[int] = 409
    retry_after: ClassVar[int | None] = None

    def __init__(self, message: str | Promise | None = None) -> None:
        self.text = message or self.message
        super().__init__(self.text)

    def __str__(self) -> str:
        return str(self.text)

    def extra(self) -> dict[str, Any]:
        """Members that the API's problem document carries beside the code."""
        return {}

"""The mails that development has written into files instead of sending them: `/dev/mail/`. Nowhere else."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Final

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

FILE_BACKEND: Final = "django.core.mail.backends.filebased.EmailBackend"
BETWEEN: Final = b"\n" + b"-" * 79 + b"\n"  # what the file backend writes after each message
SHOWN: Final = 200
CID: Final = re.compile(r"cid:([^\"'>\s]+)")
POLICY: Final = {"default-src": [NONE], "style-src": [UNSAFE_INLINE], "img-src": ["data:"], "frame-ancestors": [SELF]}
BASE: Final = '<base target="_top">'  # a link in a mail leaves the frame that it is shown in


@dataclass(frozen=True, slots=True)
class Mail:
    """One message in one of the files, named by both."""

    file: str
    number: int
    message: EmailMessage
    written_at: datetime

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def to(self) -> str:
        return str(self.message["To"])

    def headers(self) -> list[tuple[str, str]]:
        return [(name, str(self.message[name])) for name in ("From", "To", "Reply-To", "Date") if self.message[name]]

    def text(self) -> str:
        return self._body("plain")

    def html(self) -> str:
        """The HTML body with its pictures inside; empty when there is none."""
        html = self._body("html")
        pictures = {
            str(part["Content-ID"]).strip("<>"): f"data:{part.get_content_type()};base64,{_base64(part)}"
            for part in self.message.walk()
            if part["Content-ID"]
        }
        return html and BASE + CID.sub(lambda match: pictures.get(match[1], ""), html)

    def _body(self, kind: str) -> str:
        body = self.message.get_body(preferencelist=(kind,))
        return "" if body is None else str(body.get_content())


def mails() -> Iterator[Mail]:
    """All messages, newest first."""
    files = sorted(Path(settings.EMAIL_FILE_PATH).glob("*.log"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files:
        written_at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        messages = [text for text in file.read_bytes().split(BETWEEN) if text.strip()]
        for number, text in reversed(list(enumerate(messages))):
            yield Mail(file.name, number, message_from_bytes(text, policy=policy.default), written_at)


def _base64(part: EmailMessage) -> str:
    return base64.b64encode(part.get_content()).decode()


def _refuse_elsewhere() -> None:
    """Answer 404 wherever mail is really sent, should the addresses be included there by mistake."""
    if settings.EVENTLY_ENV != "development" or settings.EMAIL_BACKEND != FILE_BACKEND:
        raise Http404


@never_cache
@require_safe
def list_mails(request: HttpRequest) -> HttpResponse:
    """What was sent, newest first."""
    _refuse_elsewhere()
    shown = [mail for mail, _ in zip(mails(), range(SHOWN), strict=False)]
    return render(request, "notifications/dev_mails.html", {"mails": shown, "folder": settings.EMAIL_FILE_PATH})


@never_cache
@require_safe
def show_mail(request: HttpRequest, file: str, number: int) -> HttpResponse:
    """One mail: its HTML in a frame that may do nothing, and its text."""
    return render(request, "notifications/dev_mail.html", {"mail": _find(file, number)})


@never_cache
@require_safe
@xframe_options_sameorigin
@csp(POLICY)  # type: ignore[arg-type]  # it is typed for views without further arguments
def show_html(request: HttpRequest, file: str, number: int) -> HttpResponse:
    """The HTML of a mail, for the frame: no scripts, nothing loaded."""
    return HttpResponse(_find(file, number).html())


def _find(file: str, number: int) -> Mail:
    _refuse_elsewhere()
    for mail in mails():
        if (mail.file, mail.number) == (file, number):
            return mail
    raise Http404

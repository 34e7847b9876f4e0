"""JSON, the only thing that the API reads and writes."""

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import NotAcceptable, ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from .errors import TooLarge

LARGE: Final = 20_000_000
ESCAPED_SURROGATE: Final = b"\\ud"  # one of a pair, or a lone one, which could be neither stored nor sent back


class Lenient(DefaultContentNegotiation):
    """Answers with what there is when `Accept` asks for anything else."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> tuple[BaseRenderer, str]:
        try:
            chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
            return chosen
        except NotAcceptable:
            renderer: BaseRenderer = renderers[0]
            return renderer, renderer.media_type


class JsonObject(JSONParser):
    """Reads one JSON object in UTF-8, within DATA_UPLOAD_MAX_MEMORY_SIZE."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        body = stream.read()
        try:
            parsed = super().parse(BytesIO(body), media_type, {"encoding": "utf-8"})
            if ESCAPED_SURROGATE in body.lower():
                json.dumps(parsed, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError(_("This JSON is nested too deeply.")) from error
        except UnicodeEncodeError as error:
            raise ParseError(_("Half a character is none: there is a lone surrogate in this JSON.")) from error
        if not isinstance(parsed, dict):
            raise ParseError(_("Send a JSON object."))
        return parsed


class RawJson(BaseParser):
    """Hands on a body of up to 20 MB as it came, to whom reads it better."""

    media_type = JSONParser.media_type

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        body: bytes = stream.read(LARGE + 1)
        if len(body) > LARGE:
            raise TooLarge
        return body

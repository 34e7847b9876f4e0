"""Errors as problem documents (RFC 9457) with stable codes, which docs/api.md lists."""

from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as ModelInvalid
from django.db import OperationalError
from django.db.models import ProtectedError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from evently.database import LOCK_NOT_AVAILABLE, Busy, sqlstate
from evently.errors import DomainError

CONTENT_TYPE = "application/problem+json"


class TooLarge(exceptions.APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = gettext_lazy("That is more than this accepts in one request.")


class InUse(DomainError):
    code = "in_use"
    message = gettext_lazy("This cannot be deleted: other things still need it.")


def document(*, status: int, code: str, detail: str, **members: Any) -> dict[str, Any]:
    return {"status": status, "code": code, "detail": detail} | members


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn expected errors into problem documents; anything else crashes, is logged, and is answered by `server_error`."""
    error = _translated(error)
    if isinstance(error, DomainError):
        body = document(status=error.status, code=error.code, detail=str(error), **error.extra())
        retry_after = error.retry_after
    elif isinstance(error, exceptions.ValidationError):
        errors = error.detail if isinstance(error.detail, dict) else {"non_field_errors": error.detail}
        body = document(status=400, code="invalid", detail=_("Some of what was sent is not valid."), errors=errors)
        retry_after = None
    elif isinstance(error, exceptions.APIException):
        body = document(status=error.status_code, code=str(error.get_codes()), detail=str(error.detail))
        wait = getattr(error, "wait", None)
        retry_after = None if wait is None else round(wait)
    else:
        return None
    response = Response(body, status=body["status"], content_type=CONTENT_TYPE)
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def _translated(error: Exception) -> Exception:
    match error:
        case OperationalError() if sqlstate(error) == LOCK_NOT_AVAILABLE:
            return Busy()
        case Http404():
            return exceptions.NotFound()
        case PermissionDenied():
            return exceptions.PermissionDenied()
        case RequestDataTooBig():
            return TooLarge()
        case ProtectedError():
            return InUse()
        case ModelInvalid():
            return exceptions.ValidationError(error.message_dict if hasattr(error, "error_dict") else error.messages)
    return error


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a crash: the API's callers get a problem document, people the page."""
    if request.path.startswith("/api/"):
        body = document(status=500, code="server_error", detail=_("This is our fault. It has been logged."))
        return JsonResponse(body, status=500, content_type=CONTENT_TYPE)
    return defaults.server_error(request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django refuses before any view, like a forged Host header."""
    if request.path.startswith("/api/"):
        return JsonResponse(
            document(status=400, code="bad_request", detail=_("This request cannot be understood.")),
            status=400,
            content_type=CONTENT_TYPE,
        )
    return defaults.bad_request(request, exception)

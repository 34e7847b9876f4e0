"""Errors as problem documents (RFC 9457) with stable codes."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from evently.database import Busy, sqlstate, LOCK_NOT_AVAILABLE
from evently.errors import DomainError
from django.db import OperationalError

CONTENT_TYPE = "application/problem+json"


def problem(*, status: int, code: str, detail: str, **members: Any) -> Response:
    """A problem document: `{"status", "code", "detail", …}`."""
    return Response(
        {"status": status, "code": code, "detail": detail} | members,
        status=status,
        content_type=CONTENT_TYPE,
    )


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn expected errors into problem documents; anything else crashes and is logged."""
    if isinstance(error, OperationalError) and sqlstate(error) == LOCK_NOT_AVAILABLE:
        error = Busy()
    if isinstance(error, DomainError):
        response = problem(
            status=error.status, code=error.code, detail=str(error), **error.extra()
        )
        if error.retry_after is not None:
            response["Retry-After"] = str(error.retry_after)
        return response
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    set_rollback()
    if isinstance(error, exceptions.ValidationError):
        response = problem(
            status=400,
            code="invalid",
            detail="Some of what was sent is not valid.",
            errors=error.detail,
        )
    else:
        response = problem(
            status=error.status_code,
            code=str(error.get_codes()),
            detail=str(error.detail),
        )
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = str(round(wait))
    return response

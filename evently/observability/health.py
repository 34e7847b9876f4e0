"""Whether this process lives, and whether it can serve: asked by whoever starts, stops and balances processes."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_redis import get_redis_connection
from redis.exceptions import RedisError


@never_cache
@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """It answers, so it lives. Nothing else is asked: a broken database must not get healthy processes killed."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database and Redis answer and every migration of this code is applied; else 503 with what is wrong."""
    checks = {**_check_database(), **_check_redis()}
    ready = set(checks.values()) == {"ok"}
    return JsonResponse({"status": "ok" if ready else "unavailable", "checks": checks}, status=200 if ready else 503)


def _check_database() -> dict[str, str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return {"database": "unreachable", "migrations": "unknown"}
    return {"database": "ok", "migrations": "pending" if pending else "ok"}


def _check_redis() -> dict[str, str]:
    try:
        get_redis_connection("default").ping()
    except RedisError:
        return {"redis": "unreachable"}
    return {"redis": "ok"}

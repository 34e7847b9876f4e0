"""The database engine."""

import psycopg
import pytest
from django.db import OperationalError, close_old_connections, connection
from pytest_django import DjangoAssertNumQueries

from evently.tests.servers import database_url

pytestmark = pytest.mark.django_db(transaction=True)


def one() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return int(cursor.fetchone()[0])


def test_a_quiet_connection_is_kept_without_a_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    one()
    kept = connection.connection

    with django_assert_num_queries(1):
        close_old_connections()  # as at the start of a request
        one()

    assert connection.connection is kept


def test_a_connection_that_the_server_has_closed_is_replaced_before_it_is_used() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        process = cursor.fetchone()[0]
    with psycopg.connect(database_url(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [process])

    close_old_connections()

    assert one() == 1


def test_a_connection_that_broke_during_a_query_is_replaced_before_the_next_request() -> None:
    with connection.cursor() as cursor, pytest.raises(OperationalError):
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert connection.connection.closed

    close_old_connections()

    assert one() == 1

"""Where a request comes from."""

from typing import Any

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from evently.network import client_address, hashed_address


def request_of(**meta: Any) -> HttpRequest:
    return RequestFactory().get("/", **meta)


@pytest.mark.parametrize(
    ("remote", "forwarded", "proxies", "address"),
    [
        ("198.51.100.7", "", 0, "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", 0, "198.51.100.7"),  # nobody of ours wrote that header
        ("10.0.0.2", "203.0.113.9", 1, "203.0.113.9"),
        ("10.0.0.2", "192.0.2.66, 203.0.113.9", 1, "203.0.113.9"),  # the left one is the client's invention
        ("10.0.0.2", "192.0.2.66, 203.0.113.9, 10.0.0.1", 2, "203.0.113.9"),
        ("10.0.0.2", "203.0.113.9", 2, "203.0.113.9"),
        ("10.0.0.2", "", 1, "10.0.0.2"),
        ("10.0.0.2", "unknown", 1, ""),
        ("10.0.0.2", "'; DROP TABLE", 1, ""),
        ("", "", 0, ""),
        ("2001:db8:1:2:aaaa::1", "", 0, "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::2", "", 0, "2001:db8:1:2::"),
        ("::ffff:198.51.100.7", "", 0, "198.51.100.7"),
    ],
)
def test_the_client_is_who_called_our_outermost_proxy(remote: str, forwarded: str, proxies: int, address: str) -> None:
    assert client_address(remote=remote, forwarded=forwarded, proxies=proxies) == address


def test_a_forged_header_does_not_change_who_one_is(settings: Any) -> None:
    settings.EVENTLY_TRUSTED_PROXIES = 1
    plain = request_of(REMOTE_ADDR="10.0.0.2", HTTP_X_FORWARDED_FOR="203.0.113.9")
    forged = request_of(REMOTE_ADDR="10.0.0.2", HTTP_X_FORWARDED_FOR="192.0.2.66, 203.0.113.9")

    assert hashed_address(forged) == hashed_address(plain)


def test_an_address_is_kept_only_as_a_keyed_hash(settings: Any) -> None:
    request = request_of(REMOTE_ADDR="198.51.100.7")
    first = hashed_address(request)
    settings.SECRET_KEY = "z" * 50

    assert len(first) == 32
    assert "198.51" not in first
    assert hashed_address(request) != first
    assert hashed_address(request_of(REMOTE_ADDR="")) == ""

import pytest
from django.test import RequestFactory

from evently.wsgi import Utf8Request

LONE_SURROGATE = r"\ud800"
OTHERS = ["unicode_escape", "utf-16", "utf-7", "rot13", "idna", "zlib", "no-such"]


@pytest.mark.parametrize("charset", OTHERS)
def test_an_address_is_read_as_utf_8_whatever_charset_is_named(charset: str) -> None:
    asked = RequestFactory().get("/", {"q": LONE_SURROGATE}).environ

    assert Utf8Request(asked | {"CONTENT_TYPE": f"text/plain; charset={charset}"}).GET["q"] == LONE_SURROGATE


@pytest.mark.parametrize("charset", OTHERS)
def test_forms_are_read_as_utf_8_whatever_charset_is_named(charset: str) -> None:
    part = f'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n{LONE_SURROGATE}\r\n--x--\r\n'
    sent = RequestFactory().post("/", part.encode(), content_type="multipart/form-data; boundary=x").environ

    assert Utf8Request(sent | {"CONTENT_TYPE": f"{sent['CONTENT_TYPE']}; charset={charset}"}).POST["name"] == LONE_SURROGATE

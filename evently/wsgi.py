"""The WSGI application: `gunicorn evently.wsgi`."""

import gc
import os

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evently.settings")


class Utf8Request(WSGIRequest):
    """Reads UTF-8, whatever charset `Content-Type` names: others spell text that the database cannot store, or are no charset
    at all and would crash the reading before any view."""

    @property
    def encoding(self) -> None:
        return None

    @encoding.setter
    def encoding(self, wished: str) -> None:
        pass


class Utf8Handler(WSGIHandler):
    request_class = Utf8Request


django.setup(set_prefix=False)
application = Utf8Handler()

# What is loaded now stays: looking through it for garbage again and again cost requests milliseconds.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)

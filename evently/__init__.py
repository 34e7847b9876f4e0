"""Evently sells every seat exactly once."""

from evently.celery import app as celery_app  # so that `shared_task` finds this app wherever Django runs

__all__ = ["celery_app"]

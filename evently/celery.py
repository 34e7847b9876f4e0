"""The Celery app: `celery -A evently worker` and `celery -A evently beat`."""

import logging.config
import os

from celery import Celery, signals
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evently.settings")

app = Celery("evently")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def configure_logging(**_: object) -> None:
    """Log as the web does: a receiver is how Celery is told to leave logging alone."""
    logging.config.dictConfig(settings.LOGGING)

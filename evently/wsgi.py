"""The WSGI application: `gunicorn evently.wsgi`."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evently.settings")

application = get_wsgi_application()

# What is loaded now stays: looking through it for garbage again and again cost requests milliseconds.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)

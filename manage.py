#!/usr/bin/env python
"""Django's command line. In a bare checkout (no EVENTLY_ENV, DATABASE_URL or .env) it works on this checkout's own services."""

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

from evently import devservices

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evently.settings")
    if not {"EVENTLY_ENV", "DATABASE_URL"} & os.environ.keys() and not Path(__file__).with_name(".env").exists():
        os.environ["EVENTLY_ENV"] = "development"
    if os.environ.get("EVENTLY_ENV") == "development":
        devservices.ensure(time_limits=False)
    execute_from_command_line(sys.argv)

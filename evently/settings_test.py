"""The tests' settings: Evently's own, on throw-away services, which start here because pytest reads settings first of all."""

import os
from urllib.parse import urlsplit

from evently import devservices

os.environ["EVENTLY_ENV"] = "test"
devservices.ensure("test")  # pytest's workers inherit the addresses
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    # Like its own PostgreSQL database, each worker has a Redis database of its own.
    address = urlsplit(os.environ["REDIS_URL"])
    number = int(address.path.strip("/") or 0) + 1 + int(worker.removeprefix("gw"))
    os.environ["REDIS_URL"] = address._replace(path=f"/{number}").geturl()

from evently.settings import *  # noqa: E402, F403 -- they read the environment that was just made
from evently.settings import PASSWORD_HASHERS as STRONG_HASHERS  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *STRONG_HASHERS]  # a strong hash takes longer than a test

EVENTLY_READ_CACHE = False  # it is forgotten on commit, which most tests never reach; those of the cache turn it on

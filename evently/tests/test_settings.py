import base64
import os
import runpy
import subprocess
import sys
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from evently.devcheck import PRODUCTION
from evently.devservices import BASE_DIR

REQUIRED = sorted(PRODUCTION.keys() - {"EVENTLY_ENV", "EVENTLY_ENV_FILE"})
OPTIONAL = (
    "EVENTLY_STRIPE_KEY",
    "EVENTLY_STRIPE_WEBHOOK_SECRETS",
    "EVENTLY_STRIPE_API",
    "DEBUG",
    "PORT",
    "EVENTLY_GATEWAYS",
    "EVENTLY_RATE_LIMITS",
    "EVENTLY_INSECURE_HTTP",
    "EVENTLY_TRUSTED_PROXIES",
)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that production accepts, to take from and to add to."""
    for name in OPTIONAL:
        monkeypatch.delenv(name, raising=False)
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def read_settings() -> dict[str, Any]:
    return runpy.run_path(str(BASE_DIR / "evently" / "settings.py"))


def refusals() -> list[str]:
    with pytest.raises(ImproperlyConfigured) as refusal:
        read_settings()
    return [line.strip() for line in str(refusal.value).splitlines()[1:]]


def test_production_starts_with_everything_set_and_is_strict(environment):
    settings = read_settings()

    assert settings["DEBUG"] is False
    assert settings["ALLOWED_HOSTS"] == ["evently.example"]
    assert settings["EVENTLY_GATEWAYS"] == []
    assert settings["EVENTLY_RATE_LIMITS"] is True
    assert settings["SECURE_SSL_REDIRECT"] is settings["SESSION_COOKIE_SECURE"] is settings["CSRF_COOKIE_SECURE"] is True
    assert settings["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, " "])
def test_production_refuses_to_start_without(name, value, environment):
    environment.delenv(name) if value is None else environment.setenv(name, value)

    assert [line.partition(":")[0] for line in refusals()] == [f"Set {name}"]


def test_one_start_tells_everything_that_is_missing(environment):
    for name in REQUIRED:
        environment.delenv(name)

    assert sorted(line.partition(":")[0] for line in refusals()) == [f"Set {name}" for name in REQUIRED]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DEBUG", "on", "Unset DEBUG: it shows the platform's inside to every visitor."),
        (
            "EVENTLY_RATE_LIMITS",
            "off",
            "Unset EVENTLY_RATE_LIMITS: without limits anyone can guess passwords and hold a whole hall.",
        ),
        (
            "EVENTLY_GATEWAYS",
            "stripe,sandbox",
            "Remove sandbox from EVENTLY_GATEWAYS: it confirms bookings that nobody pays for.",
        ),
        (
            "EVENTLY_STRIPE_API",
            "http://127.0.0.1:8090",
            "Unset EVENTLY_STRIPE_API: only Stripe itself may say that somebody has paid.",
        ),
        (
            "EVENTLY_STRIPE_KEY",
            "sk_live_1",
            "Set EVENTLY_STRIPE_WEBHOOK_SECRETS: without the endpoint's secret nobody can tell whether Stripe is speaking.",
        ),
        (
            "EVENTLY_STRIPE_WEBHOOK_SECRETS",
            "whsec_1",
            "Set EVENTLY_STRIPE_KEY: what webhooks tell is believed only after asking Stripe.",
        ),
        ("EVENTLY_TICKET_KEY", "not base64!", "Set EVENTLY_TICKET_KEY: it is not 32 bytes in base64."),
        ("EVENTLY_TICKET_KEY", base64.b64encode(b"short").decode(), "Set EVENTLY_TICKET_KEY: it is not 32 bytes in base64."),
        ("EVENTLY_JWT_KEY", "short", "Set EVENTLY_JWT_KEY: it must have at least 32 characters and differ from SECRET_KEY."),
    ],
)
def test_production_refuses_what_is_unsafe(name, value, sentence, environment):
    environment.setenv(name, value)

    assert refusals() == [sentence]


def test_production_refuses_to_sign_tokens_and_sessions_with_one_key(environment):
    environment.setenv("EVENTLY_JWT_KEY", PRODUCTION["SECRET_KEY"])

    assert refusals() == ["Set EVENTLY_JWT_KEY: it must have at least 32 characters and differ from SECRET_KEY."]


def test_the_mode_is_production_unless_it_is_said(environment):
    environment.delenv("EVENTLY_ENV")

    assert read_settings()["PRODUCTION"] is True


def test_an_unknown_mode_is_refused(environment):
    environment.setenv("EVENTLY_ENV", "staging")

    with pytest.raises(ImproperlyConfigured, match=r"^EVENTLY_ENV is 'staging': set it to production, development or test\.$"):
        read_settings()


def test_development_needs_keys_but_neither_hosts_nor_a_mail_server(environment):
    environment.setenv("EVENTLY_ENV", "development")
    for name in ("ALLOWED_HOSTS", "EVENTLY_SITE_URL", "EMAIL_URL"):
        environment.delenv(name)
    environment.setenv("PORT", "8123")

    settings = read_settings()

    assert settings["EVENTLY_SITE_URL"] == "http://localhost:8123"
    assert settings["EMAIL_BACKEND"] == "django.core.mail.backends.filebased.EmailBackend"
    assert settings["EVENTLY_GATEWAYS"] == ["sandbox"]
    environment.delenv("SECRET_KEY")
    assert refusals() == ["Set SECRET_KEY: a long random text that signs sessions and links."]


def test_forwarded_addresses_are_believed_only_behind_a_proxy(environment):
    assert "SECURE_PROXY_SSL_HEADER" not in read_settings()

    environment.setenv("EVENTLY_TRUSTED_PROXIES", "1")

    settings = read_settings()
    assert settings["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")
    assert settings["ALLAUTH_TRUSTED_PROXY_COUNT"] == settings["EVENTLY_TRUSTED_PROXIES"] == 1


def test_an_env_file_fills_gaps_but_overrides_nothing(environment, tmp_path):
    file = tmp_path / ".env"
    file.write_text("ALLOWED_HOSTS=file.example\nEVENTLY_SITE_URL=https://file.example\n")
    environment.delenv("ALLOWED_HOSTS")
    environment.setenv("EVENTLY_ENV_FILE", str(file))

    settings = read_settings()

    assert settings["ALLOWED_HOSTS"] == ["file.example"]
    assert settings["EVENTLY_SITE_URL"] == "https://evently.example"
    environment.delenv("ALLOWED_HOSTS")  # the file was read into the environment


def test_manage_py_with_a_database_but_no_mode_refuses_in_production_and_starts_nothing():
    environment = {name: value for name, value in os.environ.items() if name not in {*PRODUCTION, "REDIS_URL", *OPTIONAL}}
    environment |= {"DATABASE_URL": "postgres://somewhere/evently", "DJANGO_SETTINGS_MODULE": "evently.settings"}

    result = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=BASE_DIR,
        env=environment | {"EVENTLY_ENV_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 1
    assert "Set SECRET_KEY: a long random text that signs sessions and links." in result.stderr

"""Every setting, read from the environment; `.env.example` explains each variable.

`EVENTLY_ENV` is `production` unless it says `development` or `test`, so that a forgotten variable refuses to start instead of
starting insecurely. `./dev`, `manage.py` in a bare checkout and the tests choose their mode themselves, and supply services and
keys of this checkout (`evently/devservices.py`).
"""

import base64
import binascii
import sys
from datetime import timedelta
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

EVENTLY_ENV = env.str("EVENTLY_ENV", default="production")
PRODUCTION, TESTING = EVENTLY_ENV == "production", EVENTLY_ENV == "test"
if EVENTLY_ENV not in {"production", "development", "test"}:
    raise ImproperlyConfigured(f"EVENTLY_ENV is {EVENTLY_ENV!r}: set it to production, development or test.")
if PRODUCTION:
    env.read_env(env.str("EVENTLY_ENV_FILE", default=str(BASE_DIR / ".env")))  # what is already in the environment wins


# What has no safe default. All refusals are collected, so that one start tells everything that is missing.
_refusals: list[str] = []


def _required(name: str, what: str) -> str:
    value = env.str(name, default="").strip()
    if not value:
        _refusals.append(f"Set {name}: {what}.")
    return value


def _is_ed25519_seed(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 32
    except binascii.Error:
        return False


SECRET_KEY = _required("SECRET_KEY", "a long random text that signs sessions and links")
DATABASE_URL = _required("DATABASE_URL", "where PostgreSQL is, as postgres://user:password@host:5432/name")
REDIS_URL = _required("REDIS_URL", "where Redis or Valkey is, as redis://:password@host:6379/0")
EVENTLY_TICKET_KEY = _required("EVENTLY_TICKET_KEY", "the Ed25519 private key that signs tickets, 32 random bytes in base64")
EVENTLY_JWT_KEY = _required("EVENTLY_JWT_KEY", "at least 32 random characters that sign API tokens, not those of SECRET_KEY")

DEBUG = env.bool("DEBUG", default=EVENTLY_ENV == "development")
EVENTLY_RATE_LIMITS = env.bool("EVENTLY_RATE_LIMITS", default=True)
EVENTLY_GATEWAYS = env.list("EVENTLY_GATEWAYS", default=[] if PRODUCTION else ["sandbox"])
EVENTLY_SANDBOX_SECRET = env.str("EVENTLY_SANDBOX_SECRET", default="")
EVENTLY_STRIPE_KEY = env.str("EVENTLY_STRIPE_KEY", default="")
EVENTLY_STRIPE_WEBHOOK_SECRETS = list(filter(None, env.list("EVENTLY_STRIPE_WEBHOOK_SECRETS", default=[])))
EVENTLY_STRIPE_PAGES = env.str("EVENTLY_STRIPE_PAGES", default="https://checkout.stripe.com")
EVENTLY_STRIPE_API = env.str("EVENTLY_STRIPE_API", default="")
EVENTLY_BANK_HOLDER = env.str("EVENTLY_BANK_HOLDER", default="")
EVENTLY_BANK_IBAN = env.str("EVENTLY_BANK_IBAN", default="")
EVENTLY_BANK_BIC = env.str("EVENTLY_BANK_BIC", default="")
EVENTLY_BANK_DAYS = env.int("EVENTLY_BANK_DAYS", default=7)
EVENTLY_SECRET_KEYS = list(filter(None, env.list("EVENTLY_SECRET_KEYS", default=[])))
EVENTLY_TRUSTED_PROXIES = env.int("EVENTLY_TRUSTED_PROXIES", default=0)
EVENTLY_INSECURE_HTTP = env.bool("EVENTLY_INSECURE_HTTP", default=not PRODUCTION)

if PRODUCTION:
    ALLOWED_HOSTS = [host.strip() for host in _required("ALLOWED_HOSTS", "the host names served, separated by commas").split(",")]
    EVENTLY_SITE_URL = _required("EVENTLY_SITE_URL", "the address that links in mails begin with, as https://tickets.example.org")
    EMAIL_URL = _required("EMAIL_URL", "how mail is sent, as smtp+tls://user:password@host:587")
    if DEBUG:
        _refusals.append("Unset DEBUG: it shows the platform's inside to every visitor.")
    if not EVENTLY_RATE_LIMITS:
        _refusals.append("Unset EVENTLY_RATE_LIMITS: without limits anyone can guess passwords and hold a whole hall.")
    if "sandbox" in EVENTLY_GATEWAYS:
        _refusals.append("Remove sandbox from EVENTLY_GATEWAYS: it confirms bookings that nobody pays for.")
    if EVENTLY_STRIPE_API:
        _refusals.append("Unset EVENTLY_STRIPE_API: only Stripe itself may say that somebody has paid.")
else:
    ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"])
    EVENTLY_SITE_URL = env.str("EVENTLY_SITE_URL", default=f"http://localhost:{env.int('PORT', default=8000)}")
    EMAIL_URL = env.str("EMAIL_URL", default="")

if EVENTLY_STRIPE_KEY and not EVENTLY_STRIPE_WEBHOOK_SECRETS:
    _refusals.append(
        "Set EVENTLY_STRIPE_WEBHOOK_SECRETS: without the endpoint's secret nobody can tell whether Stripe is speaking."
    )
if EVENTLY_STRIPE_WEBHOOK_SECRETS and not EVENTLY_STRIPE_KEY:
    _refusals.append("Set EVENTLY_STRIPE_KEY: what webhooks tell is believed only after asking Stripe.")
if not 1 <= EVENTLY_BANK_DAYS <= 60:
    _refusals.append("Set EVENTLY_BANK_DAYS: buyers get from 1 to 60 days for a transfer.")
if EVENTLY_TICKET_KEY and not _is_ed25519_seed(EVENTLY_TICKET_KEY):
    _refusals.append("Set EVENTLY_TICKET_KEY: it is not 32 bytes in base64.")
if EVENTLY_JWT_KEY and (len(EVENTLY_JWT_KEY) < 32 or EVENTLY_JWT_KEY == SECRET_KEY):
    _refusals.append("Set EVENTLY_JWT_KEY: it must have at least 32 characters and differ from SECRET_KEY.")
if _refusals:
    raise ImproperlyConfigured("Evently does not start in " + EVENTLY_ENV + ":\n  " + "\n  ".join(_refusals))

EVENTLY_SITE_URL = EVENTLY_SITE_URL.rstrip("/")


# Applications
INSTALLED_APPS = [
    "evently.desk.apps.DeskConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",  # before staticfiles: static files come from WhiteNoise in development, too
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "rest_framework",
    "rest_framework_simplejwt",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "evently.accounts",
    "evently.outbox",
    "evently.rest",
    "evently.observability",
    "venues",
    "events",
    "bookings",
    "payments",
    "notifications",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "evently.observability.middleware.RequestIdMiddleware",
    "evently.middleware.PrivateUnlessSaid",
    "evently.rest.throttling.RateLimitHeaders",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
]

ROOT_URLCONF = "evently.urls"
WSGI_APPLICATION = "evently.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "libraries": {"evently": "evently.templatetags.evently"},
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "evently.context.site",
            ],
        },
    }
]


# PostgreSQL. Time limits (lock 3 s, statement 10 s, idle in transaction 15 s) belong to the role, not to the connection, so that
# they work through a pooler: deploy/postgres-roles.sql in production, evently/devservices.py and conftest.py here.
DATABASES = {
    "default": {
        **env.db_url_config(DATABASE_URL),
        "ENGINE": "evently.postgresql",
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,  # they outlive a transaction only without a pooler in transaction mode
    }
}


# Redis: the cache is a help, never the truth; when it is down, a read is a miss and a write is forgotten.
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": env.str("EVENTLY_CACHE_URL", default=REDIS_URL),
        "KEY_PREFIX": "evently",
        "OPTIONS": {
            "CLIENT_CLASS": "django_redis.client.DefaultClient",
            "SOCKET_CONNECT_TIMEOUT": 0.5,
            "SOCKET_TIMEOUT": 0.5,
            "IGNORE_EXCEPTIONS": True,
        },
    }
}
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True
EVENTLY_READ_CACHE = env.bool("EVENTLY_READ_CACHE", default=True)  # of pages and counts; see evently/caching.py

SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_COOKIE_AGE = 14 * 24 * 3600


# Celery: tasks take ids, may run twice, and are lost by nobody. The broker only wakes; what must happen is in PostgreSQL.
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,  # longer than any task may run, or it would be delivered twice while it runs
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 600
CELERY_TASK_TIME_LIMIT = 660
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True  # late acks: the broker delivers them again
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # in memory: nothing to write, nothing stale to read
CELERY_BEAT_SCHEDULE = {  # each beat expires before the next: a worker that comes back late does it once, not a hundred times
    "expire holds": {"task": "bookings.tasks.expire_holds", "schedule": 5.0, "options": {"expires": 5}},
    "relay the outbox": {"task": "evently.outbox.tasks.relay", "schedule": 2.0, "options": {"expires": 2}},
    "send mail": {"task": "notifications.tasks.send_due", "schedule": 3.0, "options": {"expires": 3}},
    "reconcile payments": {"task": "payments.tasks.reconcile", "schedule": 300.0, "options": {"expires": 300}},
    # as seldom as a task may run long: two would do the same work
    "finish cancelling": {"task": "payments.tasks.finish_cancelling", "schedule": 660.0, "options": {"expires": 660}},
    "adjust prices": {"task": "events.tasks.adjust_prices", "schedule": 120.0, "options": {"expires": 120}},
    "refresh summaries": {"task": "events.tasks.refresh_summaries", "schedule": 60.0, "options": {"expires": 60}},
}


# Accounts: an e-mail address is the name, proven before first use; nobody learns which addresses have an account.
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "evently.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "evently.accounts.forms.LoginForm",
    "signup": "evently.accounts.forms.SignupForm",
    "add_email": "evently.accounts.forms.AddEmailForm",
    "change_password": "evently.accounts.forms.ChangePasswordForm",
    "set_password": "evently.accounts.forms.SetPasswordForm",
    "reset_password": "evently.accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "evently.accounts.forms.ResetPasswordKeyForm",
    "reauthenticate": "evently.accounts.forms.ReauthenticateForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True  # only in the browser that signed up, whose held seats then stay in sight
ACCOUNT_EMAIL_NOTIFICATIONS = True  # a changed password or address is told by mail
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = EVENTLY_SITE_URL.partition(":")[0]
if not EVENTLY_RATE_LIMITS:
    ACCOUNT_RATE_LIMITS = False
ALLAUTH_TRUSTED_PROXY_COUNT = EVENTLY_TRUSTED_PROXIES


# API
REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "evently.rest.errors.handle",
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "evently.accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["evently.rest.media.JsonObject"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "evently.rest.media.Lenient",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_PAGINATION_CLASS": "evently.rest.pagination.Pages",
    "PAGE_SIZE": 30,
    "DEFAULT_THROTTLE_CLASSES": ["evently.rest.throttling.Limits"],
    "DEFAULT_SCHEMA_CLASS": "evently.rest.schema.Schema",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ALGORITHM": "HS256",
    "SIGNING_KEY": EVENTLY_JWT_KEY,
    "ISSUER": "evently",
    "AUDIENCE": "evently",
    "USER_ID_CLAIM": "sub",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Evently API",
    "DESCRIPTION": "Find events, hold seats, book and pay.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "BookingStatus": "bookings.models.Booking.Status",
        "BookingPaymentStatus": "bookings.models.Booking.PaymentStatus",
        "EventStatus": "events.models.Event.Status",
        "EventTopic": "events.models.Event.Topic",
        "SeatStatus": "events.models.Seat.Status",
    },
}


# Security. Without TLS (development, or EVENTLY_INSECURE_HTTP to try production on localhost) secure cookies never come back.
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not EVENTLY_INSECURE_HTTP
SECURE_REDIRECT_EXEMPT = [r"^(livez|readyz|health|metrics)/?$"]  # asked by machines inside, over plain HTTP
if not EVENTLY_INSECURE_HTTP:
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
if EVENTLY_TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}


# Languages and time: stored in UTC, shown in the event's own zone.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]  # another one joins with its catalogue, whole
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"


# Files
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "/media/"
MEDIA_ROOT = Path(env.str("EVENTLY_MEDIA_ROOT", default=str(BASE_DIR / "var" / "media")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not PRODUCTION


# Mail: in development into files, which http://localhost:8000/dev/mail/ shows.
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("EVENTLY_FROM_EMAIL", default="Evently <tickets@localhost>")
EMAIL_TIMEOUT = 10
if EMAIL_URL:
    vars().update(env.email_url_config(EMAIL_URL))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = BASE_DIR / "var" / "mail"


# Logs: one JSON object a line on standard output in production; elsewhere readable lines beside what a command prints.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "evently.observability.logging.JsonFormatter"},
        "readable": {"format": "{levelname:.1s} {name}: {message}", "style": "{"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "stream": sys.stdout if PRODUCTION else sys.stderr,
            "formatter": "json" if PRODUCTION else "readable",
        }
    },
    "root": {"handlers": ["console"], "level": env.str("EVENTLY_LOG_LEVEL", default="WARNING" if TESTING else "INFO")},
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},  # without Django's own handlers: everything goes through root
        "django.request": {"level": "ERROR"},  # a polite refusal is no warning: in a rush there are thousands
        "django.server": {"handlers": [], "level": "INFO"},
        "celery": {"level": "WARNING"},  # at INFO it says twice a second that nothing happened
    },
}

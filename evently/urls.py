"""Every page."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path

from evently.observability import health
from evently.rest.views import ApiDocsView, NothingHere, SchemaView

from . import views

urlpatterns = [
    path("api/v1/", include("evently.api_urls")),
    path("api/schema/", SchemaView.as_view(), name="api-schema"),
    path("api/docs/", ApiDocsView.as_view(), name="api-docs"),
    re_path("^api(/|$)", NothingHere.as_view()),
    path("", include("events.urls")),
    path("", include("bookings.urls")),
    path("", include("payments.urls")),
    path("theme/", views.set_theme, name="set-theme"),
    path("help/", views.show_help, name="help"),
    path("i18n/", include("django.conf.urls.i18n")),
    re_path("^livez/?$", health.livez, name="livez"),
    re_path("^readyz/?$", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
]

if settings.EVENTLY_ENV == "development":
    urlpatterns += [path("dev/mail/", include("notifications.urls"))]

handler400 = "evently.rest.errors.bad_request"
handler500 = "evently.rest.errors.server_error"

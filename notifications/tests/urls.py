"""Every page, and the mails of development."""

from django.urls import include, path

from evently.urls import handler400, handler500, urlpatterns

__all__ = ["handler400", "handler500", "urlpatterns"]

urlpatterns = [*urlpatterns, path("dev/mail/", include("notifications.urls"))]

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class ObservabilityConfig(AppConfig):
    name = "evently.observability"
    label = "observability"
    verbose_name = _("Observability")

    def ready(self) -> None:
        autodiscover_modules("audit")

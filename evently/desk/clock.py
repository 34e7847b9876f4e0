"""Pages whose times are read and written by the clock of the venue."""

from abc import abstractmethod
from datetime import tzinfo
from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone

from .scope import ScopedAdmin


class VenueClockAdmin(ScopedAdmin):
    @abstractmethod
    def zone(self, request: HttpRequest, object_id: str | None) -> tzinfo | None:
        """The zone of the page; None while no venue is chosen."""

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        with timezone.override(self.zone(request, object_id)):
            response = super().changeform_view(request, object_id, form_url, extra_context)
            if isinstance(response, TemplateResponse):
                response.render()  # now, while the zone holds
        return response

"""Who may look at an event."""

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from .models import Event


def visible_event(request: HttpRequest, slug: str) -> Event:
    """The event with its venue and organizer; drafts are seen by their team alone."""
    event = get_object_or_404(
        Event.objects.select_related("venue", "organizer", "seating_plan").defer(
            "seating_plan__layout", "seating_plan__overview"
        ),
        slug=slug,
    )
    if event.status == Event.Status.DRAFT:
        user = request.user
        if not user.is_authenticated or not Event.objects.of(user).filter(pk=event.pk).exists():
            raise Http404
    return event

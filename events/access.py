"""Who may look at an event."""

from django.http import Http404, HttpRequest

from .models import Event
from .reads import find_event


def visible_event(request: HttpRequest, slug: str) -> Event:
    """The event with its venue, organizer and plan; drafts are seen by their team alone."""
    event = find_event(slug)
    if event is None:
        raise Http404
    if event.status == Event.Status.DRAFT:
        user = request.user
        if not user.is_authenticated or not Event.objects.of(user).filter(pk=event.pk).exists():
            raise Http404
    return event

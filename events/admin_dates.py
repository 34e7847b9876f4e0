"""Copies, series, and other dates of events at the desk."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.models import Booking
from evently.accounts.models import User
from evently.desk.confirm import unless_confirmed
from evently.desk.forms import form_page
from evently.desk.scope import ScopedAdmin
from evently.errors import DomainError

from .date_forms import CopyForm, MoveForm, RepeatForm
from .models import Event
from .publishing import count_places_to_make
from .seating import MANY
from .services import (
    PlannedDate,
    clone_event,
    plan_dates,
    postpone_event,
    publish_event,
    repeat_event,
    reschedule_event,
)
from .tasks import publish_later


class EventDatesAdmin(ScopedAdmin):
    """What is done with the dates of an event; the admin below says how a thing is done, told and written down."""

    _own: Callable[[HttpRequest, Any], Event]
    _do: Callable[..., None]

    def get_urls(self) -> list[URLPattern]:
        steps = {
            "copy": self.copy,
            "repeat": self.repeat,
            "postpone": self.postpone,
            "move": self.move,
            "publish-series": self.publish_series,
        }
        return [
            *(
                path(f"<uuid:pk>/{name}/", self.admin_site.admin_view(view), name=f"events_event_{name.replace('-', '_')}")
                for name, view in steps.items()
            ),
            *super().get_urls(),
        ]

    def copy(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Make a draft like the event."""
        event = self._own(request, pk)
        with timezone.override(event.venue.zone):
            form = CopyForm(request.POST or None, initial={"title": event.title, "starts_at": event.starts_at})
            if form.is_valid():
                copy = clone_event(event_id=event.pk, created_by=cast(User, request.user), **form.cleaned_data)
                self.log_addition(request, copy, f"Copied from {event}.")
                messages.success(request, _("This is the copy, a draft. Publish it when it is ready."))
                return HttpResponseRedirect(reverse("admin:events_event_change", args=[copy.pk]))
            facts = [_("Categories, prices, plan and texts are taken over; bookings are not.")]
            return self._date_page(request, event, title=_("Copy this event"), form=form, facts=facts, button=_("Make the copy"))

    def repeat(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Make a series of drafts: say how it repeats, see the dates and what is in their way, then make those wanted."""
        event = self._own(request, pk)
        with timezone.override(event.venue.zone):
            first = event.starts_at.astimezone(event.venue.zone).date()
            if "make" in request.POST:
                made = repeat_event(event_id=event.pk, days=_days(request), created_by=cast(User, request.user))
                for date_ in made:
                    self.log_addition(request, date_, f"Repeats {event}.")
                count = len(made)
                done = ngettext("%(count)d date is there, a draft.", "%(count)d dates are there, drafts.", count)
                messages.success(request, done % {"count": count})
                event.refresh_from_db(fields=["series"])
                dates = f"?series={event.series_id}&o=2" if event.series_id else ""
                return HttpResponseRedirect(reverse("admin:events_event_changelist") + dates)
            form = RepeatForm(request.POST or None, initial={"weekdays": [first.weekday()]})
            planned: Sequence[PlannedDate] = ()
            if form.is_valid():
                planned = plan_dates(event, form.repetition().days_after(first))
                if not planned:
                    form.add_error(None, _("That makes no dates after this event."))
            facts = [
                _("Each date becomes a draft with this event's texts, places and prices, at %(time)s by the clock of the venue.")
                % {"time": date_format(event.starts_at.astimezone(event.venue.zone), "H:i")}
            ]
            title, button = _("Repeat this event"), _("Show the dates")
            return self._date_page(request, event, title=title, form=form, facts=facts, button=button, planned=planned)

    def publish_series(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Publish all drafts of the event's series, large ones by the worker."""
        event = self._own(request, pk)
        drafts = list(self._drafts_of_series(event))
        facts = [date_format(draft.starts_at.astimezone(event.venue.zone), "D j M Y, H:i") for draft in drafts]
        title, button = _("Publish the drafts of this series"), _("Publish them all")
        if page := unless_confirmed(request, admin=self, obj=event, title=title, facts=facts, button=button):
            return page
        actor = f"user:{request.user.pk}"
        places = sum(map(count_places_to_make, drafts))
        for draft in drafts:
            told = {"date": date_format(draft.starts_at.astimezone(event.venue.zone), "j M Y"), "event": draft.title}
            if places > MANY:
                begun = _("%(event)s, %(date)s: its places are being made.") % told
                self._do(request, draft, lambda draft=draft: publish_later(draft, actor=actor), begun)
            else:
                done = _("%(event)s, %(date)s, is published.") % told
                self._do(request, draft, lambda draft=draft: publish_event(event_id=draft.pk, actor=actor), done)
        return HttpResponseRedirect(reverse("admin:events_event_changelist") + f"?series={event.series_id}&o=2")

    def postpone(self, request: HttpRequest, pk: Any) -> HttpResponse:
        event = self._own(request, pk)
        facts = [
            _("Nothing is sold any more until there is a new date. Tickets stay valid for it."),
            self._told(event),
        ]
        title, button = _("Postpone this event"), _("Postpone the event")
        if page := unless_confirmed(request, admin=self, obj=event, title=title, button=button, facts=facts):
            return page
        actor = f"user:{request.user.pk}"
        done = _("The event is postponed. Give it a new date as soon as there is one.")
        self._do(request, event, lambda: postpone_event(event_id=event.pk, actor=actor), done)
        return self._to(event)

    def move(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Give a published or postponed event another date."""
        event = self._own(request, pk)
        with timezone.override(event.venue.zone):
            form = MoveForm(request.POST or None, initial={"starts_at": event.starts_at})
            if form.is_valid():
                actor = f"user:{request.user.pk}"
                done = _("The event has its new date, and everybody who has tickets is told.")
                try:
                    reschedule_event(event_id=event.pk, actor=actor, **form.cleaned_data)
                except DomainError as refusal:
                    for reason in getattr(refusal, "reasons", [str(refusal)]):
                        form.add_error(None, reason)
                else:
                    self.log_change(request, event, done)
                    messages.success(request, done)
                    return self._to(event)
            facts = [
                _("Now: %(start)s until %(end)s.")
                % {
                    "start": date_format(event.starts_at.astimezone(event.venue.zone), "D j M Y, H:i T"),
                    "end": date_format(event.ends_at.astimezone(event.venue.zone), "D j M Y, H:i"),
                },
                self._told(event),
            ]
            title, button = _("Move this event to another date"), _("Move the event")
            return self._date_page(request, event, title=title, form=form, facts=facts, button=button)

    @staticmethod
    def _told(event: Event) -> str:
        count = Booking.objects.filter(event=event, status=Booking.Status.CONFIRMED).count()
        told = ngettext("%(count)d booking is told by e-mail.", "%(count)d bookings are told by e-mail.", count)
        return told % {"count": count}

    @staticmethod
    def _drafts_of_series(event: Event) -> Any:
        drafts = Event.objects.filter(series=event.series_id, status=Event.Status.DRAFT).exclude(series=None)
        return drafts.select_related("seating_plan").defer("seating_plan__layout", "names", "words").order_by("starts_at")

    def _date_page(self, request: HttpRequest, event: Event, **parts: Any) -> HttpResponse:
        return form_page(request, admin=self, obj=event, template="admin/events/event/dates.html", **parts)

    @staticmethod
    def _to(event: Event) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:events_event_change", args=[event.pk]))


def _days(request: HttpRequest) -> set[date]:
    """The days that were left chosen; what is no day is none."""
    found = set()
    for text in request.POST.getlist("day"):
        try:
            found.add(date.fromisoformat(text))
        except ValueError:
            continue
    return found

"""What a file tells of one date, whatever kind of file it is, and where that takes place."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from django.utils.translation import gettext as _

from evently.accounts.models import Organizer
from evently.lists import Unfit, clean
from venues.models import Venue

from .models import Event

LONGEST_TITLE, LONGEST_DESCRIPTION, LONGEST_UID = 200, 20_000, 280  # an occurrence's date is added to its UID
USUAL_LENGTH = timedelta(hours=2)  # of what has no end
LONGEST = timedelta(days=366)
EARLIEST_YEAR, YEARS_AHEAD = 1970, 10  # what lies outside is a slip of the keyboard

Warn = Callable[[int, str], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One date. `uid` names it in its file; `series` is what it shares with the other dates of what repeats, else empty."""

    line: int
    uid: str
    title: str
    venue: Venue
    starts_at: datetime
    ends_at: datetime
    description: str = ""
    category: str = ""
    series: str = ""
    is_cancelled: bool = False


@dataclass(slots=True)
class Venues:
    """The organizer's venues, found by what a file calls them; `usual` is for entries that name none of them."""

    known: list[Venue]
    usual: Venue | None
    warn: Warn
    told: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, organizer: Organizer, *, usual: Venue | None, warn: Warn) -> "Venues":
        return cls(list(Venue.objects.filter(organizer=organizer)), usual, warn)

    def find(self, place: str, *, line: int) -> Venue:
        """The venue that `place` names: by its slug, its name, or its name and more of its address. Raises `Unfit`."""
        wanted = place.casefold()
        head = wanted.partition(",")[0].strip()
        for found in (
            [venue for venue in self.known if wanted in (venue.slug, venue.name.casefold(), str(venue).casefold())],
            [venue for venue in self.known if head == venue.name.casefold() and venue.city.casefold() in wanted],
            [venue for venue in self.known if head == venue.name.casefold()],
        ):
            if len(found) == 1:
                return found[0]
            if found:
                names = ", ".join(sorted(f"{venue} ({venue.slug})" for venue in found)[:5])
                raise Unfit(_("“%(place)s” may be any of these venues: %(names)s.") % {"place": place[:200], "names": names})
        if self.usual is None:
            if place:
                raise Unfit(_("The team has no venue “%(place)s”, and none is chosen for such events.") % {"place": place[:200]})
            raise Unfit(_("It tells no venue, and none is chosen for such events."))
        if place and wanted not in self.told:
            self.told.add(wanted)
            told = _("The team has no venue “%(place)s”; such events are put into %(venue)s.")
            self.warn(line, told % {"place": place[:200], "venue": self.usual})
        return self.usual


def title_of(text: str, *, line: int, warn: Warn) -> str:
    title = clean(text)
    if not title:
        raise Unfit(_("There is no title."))
    if len(title) > LONGEST_TITLE:
        warn(line, _("The title is cut after %(most)d letters.") % {"most": LONGEST_TITLE})
    return title[:LONGEST_TITLE].strip()


def description_of(text: str, *, line: int, warn: Warn) -> str:
    description = clean(text, is_long=True)
    if len(description) > LONGEST_DESCRIPTION:
        warn(line, _("The description is cut after %(most)d letters.") % {"most": LONGEST_DESCRIPTION})
    return description[:LONGEST_DESCRIPTION].strip()


def topic_of(names: Iterable[str]) -> str:
    """The first topic that is among the names; empty if none is."""
    topics = {name.casefold(): value for value, label in Event.Topic.choices for name in (value, str(label))}
    return next((topics[name.casefold()] for name in names if name.casefold() in topics), "")


def made_up_uid(title: str, venue: Venue, starts_at: datetime) -> str:
    """A name for what has none in its file: the same for the same title, venue and time."""
    return f"{title.casefold()[:200]} {starts_at:%Y%m%dT%H%MZ} {venue.pk}"


def check_year(when: datetime, *, now: datetime) -> None:
    if not EARLIEST_YEAR <= when.year <= now.year + YEARS_AHEAD:
        raise Unfit(_("It takes place in the year %(year)d.") % {"year": when.year})


def check_length(length: timedelta) -> timedelta:
    """Raise `Unfit` unless an event may take so long."""
    if length < timedelta(0):
        raise Unfit(_("It ends before it starts."))
    if length > LONGEST:
        raise Unfit(_("It takes longer than a year."))
    return length


def in_utc(local: datetime, zone: tzinfo) -> datetime:
    """The moment in which the clocks of the zone show `local`."""
    return local.replace(tzinfo=zone).astimezone(UTC)

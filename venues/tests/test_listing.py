import os
from decimal import Decimal
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookings.tests.races import race, slowly
from evently.accounts.models import Organizer
from evently.lists import NoList, clean
from events.tests.factories import make_organizer
from venues import listing
from venues.countries import country_code, time_zone
from venues.listing import import_venues
from venues.models import Venue

pytestmark = pytest.mark.django_db

# Rows in the two manners of brunofariadf/database (MIT) and jokecamp/FootballData (MIT).
QUOTED = (
    '"country";"city";"name";"club";"capacity"\n'
    '"Japan";"Iwata";"Yamaha Stadium";"Júbilo";16879\n'
    '"People\'s Republic of China";"Xi\'an";"Xi\'an OSC Stadium";NA;60000\n'
    '"Vietnam";"Hanoi";"Hang <U+0110>ay";NA;22500\n'
).encode("cp1252")
BLANKS = (
    b"Team,FDCOUK,City,Stadium,Capacity,Latitude,Longitude,Country\n"
    b"Arsenal ,Arsenal,London ,Emirates Stadium ,60361,51.555,-0.108611,England\n"
)
EXAMPLES = int(os.environ.get("EVENTLY_FUZZ_EXAMPLES", "150"))


def rows() -> list[tuple[object, ...]]:
    return list(Venue.objects.order_by("name").values_list("name", "city", "country", "time_zone", "capacity"))


def test_delimiter_encoding_and_columns_are_found_out() -> None:
    report = import_venues(organizer=make_organizer(), content=QUOTED)

    assert (report.rows, report.made, report.refused, report.warnings[0][0]) == (3, 3, [], 3)
    assert rows() == [
        ("Hang Đay", "Hanoi", "VN", "Asia/Ho_Chi_Minh", 22500),
        ("Xi'an OSC Stadium", "Xi'an", "CN", "Asia/Shanghai", 60000),
        ("Yamaha Stadium", "Iwata", "JP", "Asia/Tokyo", 16879),
    ]

    import_venues(organizer=make_organizer(), content=BLANKS)
    emirates = Venue.objects.get(name="Emirates Stadium")
    assert (emirates.city, emirates.country, emirates.time_zone, emirates.slug) == (
        "London",
        "GB",
        "Europe/London",
        "emirates-stadium",
    )
    assert (emirates.latitude, emirates.longitude) == (Decimal("51.555"), Decimal("-0.108611"))


def test_a_second_run_changes_nothing_and_a_better_list_changes_what_it_knows() -> None:
    team = make_organizer()
    import_venues(organizer=team, content=BLANKS)
    before = Venue.objects.values().get()

    report = import_venues(organizer=team, content=BLANKS)
    assert (report.made, report.changed, report.unchanged) == (0, 0, 1)
    assert Venue.objects.values().get() == before

    report = import_venues(organizer=team, content=b'name,city,country,capacity\nemirates stadium,LONDON,GB,"60,704"\n')
    assert (report.made, report.changed, Venue.objects.get().capacity, Venue.objects.get().version) == (0, 1, 60704, 2)


def test_bad_rows_are_named_by_line_and_good_ones_go_in() -> None:
    content = (
        "name;city;country;capacity;latitude;longitude;time_zone\n"
        "Good;Erfurt;Germany;500;;;\n"
        ";Erfurt;Germany;500;;;\n"
        "\n"
        "Nowhere;Erfurt;Atlantis;500;;;\n"
        "Many;Erfurt;DE;lots;;;\n"
        "Half;Erfurt;DE;500;50.9;;\n"
        "Far;Erfurt;DE;500;99;11;\n"
        "Odd;Erfurt;DE;500;;;Europe/Erfurt\n"
        "GOOD;erfurt;DE;900;;;\n"
        "ODD;Erfurt;DE;500;;;Europe/Berlin\n"
    )
    report = import_venues(organizer=make_organizer(), content=content.encode())

    assert [line for line, _why in report.refused] == [3, 5, 6, 7, 8, 9]
    assert [why for _line, why in report.refused][:4] == [
        "There is no name.",
        "“Atlantis” is not a country that is known here. A code like DE (ISO 3166) always is.",
        "“lots” is no capacity.",
        "It has only one of latitude and longitude.",
    ]
    assert report.warnings == [(10, "“GOOD” is the venue of line 2 again; that line counts.")]
    assert rows() == [("Good", "Erfurt", "DE", "Europe/Berlin", 500), ("ODD", "Erfurt", "DE", "Europe/Berlin", 500)]


def test_dry_run_tells_the_same_and_changes_nothing() -> None:
    report = import_venues(organizer=make_organizer(), content=QUOTED, dry_run=True)
    assert (report.made, Venue.objects.count()) == (3, 0)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x89PNG\r\n\x1a\n\0\0\0", b"name;city\nHall;Erfurt\n"])
def test_what_is_no_list_is_refused_as_a_whole(content: bytes) -> None:
    with pytest.raises(NoList):
        import_venues(organizer=make_organizer(), content=content)


def test_letters_are_put_right_where_that_is_certain() -> None:
    assert clean(" MÃ¼nchen ") == "München"
    assert clean("Allianz\u202eArena\0") == "AllianzArena"
    assert clean("N/A") == ""
    assert clean("São Paulo") == "São Paulo"


def test_countries_and_clocks() -> None:
    names = ("Scotland", "de", "Ivory Coast", "France", "Atlantis")
    assert [country_code(name) for name in names] == [
        "GB",
        "DE",
        "CI",
        "FR",
        None,
    ]
    assert time_zone("DE", city="Erfurt", latitude=None, longitude=None) == ("Europe/Berlin", True)
    assert time_zone("US", city="Denver", latitude=None, longitude=None) == ("America/Denver", True)
    assert time_zone("US", city="Pasadena", latitude=Decimal("34.1"), longitude=Decimal("-118.1"))[0] == "America/Los_Angeles"
    assert time_zone("US", city="Seattle", latitude=None, longitude=None) == ("America/New_York", False)


def test_the_command_tells_lines_and_ends_with_a_status(tmp_path: Path) -> None:
    make_organizer()
    file = tmp_path / "venues.csv"
    file.write_bytes(BLANKS + b",,,,,,,England\n")
    said, errors = StringIO(), StringIO()

    with pytest.raises(CommandError, match=r"Imported 1 new, .* of 2 rows\. 1 refused\.") as refusal:
        call_command("import_venues", file, organizer="city-stage", stdout=said, stderr=errors)
    assert (refusal.value.returncode, errors.getvalue()) == (1, "error  line 3: There is no name.\n")

    with pytest.raises(CommandError, match=r"There is no organizer “nobody”\. Organizers: city-stage\.") as refusal:
        call_command("import_venues", file, organizer="nobody")
    assert refusal.value.returncode == 2


@st.composite
def spoiled_lists(draw: st.DrawFn) -> bytes:
    """A good list with bytes replaced, doubled, dropped and put in."""
    content = bytearray(draw(st.sampled_from([QUOTED, BLANKS])) * draw(st.integers(1, 2)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(content)))
        content[start : start + draw(st.integers(0, 9))] = draw(
            st.binary(max_size=9) | st.sampled_from([b";", b'"', b"\n", b"\0"])
        )
    return bytes(content)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=spoiled_lists() | st.binary(max_size=300))
def test_whatever_the_file_is_there_is_a_report_or_a_refusal_and_never_half_a_venue(content: bytes) -> None:
    before = Venue.objects.count()
    try:
        report = import_venues(organizer=make_organizer(), content=content)
    except NoList:
        assert Venue.objects.count() == before
        return
    assert Venue.objects.count() == before + report.made
    assert report.rows == report.made + report.changed + report.unchanged + len(report.refused)
    for venue in Venue.objects.filter(pk__in=[venue.pk for venue in report.new]):
        venue.clean_fields(exclude=["organizer"])


MANY = b"name,city,country\n" + b"".join(b"Hall %d,Erfurt,DE\n" % n for n in range(30))


def at_once(*organizers: Organizer) -> list[Any]:
    return race(partial(import_venues, organizer=organizer, content=MANY) for organizer in organizers)


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_list_at_once_make_every_venue_once() -> None:
    team = make_organizer()

    reports = at_once(team, team)

    assert sorted((report.made, report.unchanged, report.refused) for report in reports) == [(0, 30, []), (30, 0, [])]
    assert Venue.objects.count() == 30


@pytest.mark.django_db(transaction=True)
def test_without_its_lock_two_imports_at_once_make_every_venue_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "one_at_a_time", lambda organizer: None)
    slowly(monkeypatch, listing, "insert", seconds=0.3)
    team = make_organizer()

    assert [report.made for report in at_once(team, team)] == [30, 30]
    assert Venue.objects.count() == 60


@pytest.mark.django_db(transaction=True)
def test_two_teams_import_one_list_at_once_and_each_has_it_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch, listing, "insert", seconds=0.3)
    one, other = make_organizer("one"), make_organizer("other")

    assert [(report.made, report.refused) for report in at_once(one, other)] == [(30, []), (30, [])]
    assert (one.venues.count(), other.venues.count()) == (30, 30)

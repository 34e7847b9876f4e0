import copy
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from events.tests.factories import make_venue
from venues import checking
from venues.checking import LARGEST_FILE, SCHEMA, examine, glance
from venues.importing import Report, import_seating_plan
from venues.models import SeatingPlan, Venue
from venues.rows import Tier, around_a_pitch

HALL = Path(settings.BASE_DIR, "demo", "hall-1057.json")


@pytest.fixture
def venue(db: None) -> Venue:
    return make_venue()


@pytest.fixture
def layout() -> Any:
    return json.loads(HALL.read_text())


def imported(venue: Venue, layout: Any, **options: Any) -> Report:
    return import_seating_plan(venue=venue, content=json.dumps(layout), **options)


def said(report: Report) -> list[str]:
    return [str(problem) for problem in report.errors]


def test_hall_comes_in_whole_and_its_84_repeated_ids_are_named(venue: Venue, layout: dict[str, Any]) -> None:
    report = import_seating_plan(venue=venue, content=HALL.read_bytes())

    plan = SeatingPlan.objects.get()
    assert (plan.name, plan.number, plan.seat_count, plan.layout) == ("Pretix", 1, 1057, layout)
    assert report.plan == plan
    assert report.counts == {
        "Parkett vorne": 238,
        "Parkett mitte": 100,
        "Parkett hinten": 619,
        "Balkon vorne": 33,
        "Balkon hinten": 67,
    }
    assert (len(report.warnings), report.errors) == (84, [])
    assert str(report.warnings[0]) == (
        "zones[1].rows[0].seats[0]: The id “17-1” is also that of zones[0].rows[16].seats[0]; both seats are kept."
    )


def test_same_layout_again_changes_nothing_even_if_written_differently(venue: Venue, layout: dict[str, Any]) -> None:
    first = imported(venue, layout)
    again = import_seating_plan(venue=venue, content=json.dumps(layout, indent=8, sort_keys=True), name="Other")

    assert (again.plan, again.is_known) == (first.plan, True)
    assert SeatingPlan.objects.get().name == "Pretix"


def test_changed_layout_is_the_next_version(venue: Venue, layout: dict[str, Any]) -> None:
    imported(venue, layout)
    layout["zones"][1]["rows"].pop()
    imported(venue, layout, name="Without the last row")

    assert list(SeatingPlan.objects.order_by("number").values_list("number", "name", "seat_count")) == [
        (1, "Pretix", 1057),
        (2, "Without the last row", 1024),
    ]


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_make_one_version() -> None:
    venue = make_venue()

    def work(_number: int) -> bool:
        try:
            return import_seating_plan(venue=venue, content=HALL.read_bytes()).is_known
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        known = sorted(pool.map(work, range(4)))

    assert known == [False, True, True, True]
    assert SeatingPlan.objects.get().number == 1


def test_dry_run_counts_and_changes_nothing(venue: Venue, layout: dict[str, Any]) -> None:
    report = imported(venue, layout, dry_run=True)

    assert (report.seat_count, report.plan, report.is_known) == (1057, None, False)
    assert not SeatingPlan.objects.exists()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            ["zones", 0, "rows", 3, "seats", 7, "category"],
            "Loge",
            "zones[0].rows[3].seats[7].category: There is no category “Loge” in this plan.",
        ),
        (["zones", 0, "rows", 3, "seats", 7, "position"], None, "zones[0].rows[3].seats[7]: “position” is missing."),
        (["zones", 1, "rows", 0, "seats", 1, "category"], None, "zones[1].rows[0].seats[1]: “category” is missing."),
        (["zones", 1, "rows", 0, "seats", 1, "color"], "red", "zones[1].rows[0].seats[1]: “color” is not part of the format."),
        (
            ["zones", 0, "rows", 0, "seats", 0, "position", "x"],
            "12",
            'zones[0].rows[0].seats[0].position.x: Expected is number, found "12".',
        ),
        (
            ["zones", 0, "rows", 0, "seats", 0, "position", "y"],
            1e9,
            "zones[0].rows[0].seats[0].position.y: This number is too large.",
        ),
        (
            ["zones", 0, "rows", 0, "seats", 0, "seat_number"],
            " ",
            "zones[0].rows[0].seats[0].seat_number: The seat has no number.",
        ),
        (["zones", 0, "rows", 0, "row_number"], "x" * 21, "zones[0].rows[0].seats[0]: Its row is longer than 20 characters."),
        (
            ["zones", 0, "rows", 0, "row_number_position"],
            "left",
            'zones[0].rows[0].row_number_position: Expected is one of start, end, both, None, found "left".',
        ),
        (
            ["zones", 0, "rows", 0, "seats", 0, "seat_guid"],
            "a ",
            'zones[0].rows[0].seats[0].seat_guid: "a " is not allowed here (at least two characters, no blanks around them).',
        ),
        (["categories", 0, "name"], "Parkett mitte", "categories[0].name: Two categories are called “Parkett mitte”."),
        (["name"], "a\0b", "name: This text holds characters that cannot be stored."),
        (["name"], "\ud800", "name: This text holds characters that cannot be stored."),
        (["name"], "x" * 201, "name: The name is longer than 200 characters."),
        (["size"], None, "“size” is missing."),
        (["zones"], [], "zones: The plan has no seats."),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(
    venue: Venue, layout: dict[str, Any], path: list[str | int], value: Any, message: str
) -> None:
    *way, last = path
    target: Any = layout
    for step in way:
        target = target[step]
    if value is None:
        del target[last]
    else:
        target[last] = value

    report = imported(venue, layout)

    assert said(report)[0] == message
    assert report.plan is None
    assert not SeatingPlan.objects.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1, column 1: The file ends too early: it is empty or was cut off."),
        (b'{"name": "Hall",\n "zones": [', "line 2, column 12: The file ends too early: it is empty or was cut off."),
        (b'{"name": "Ha', "line 1, column 10: The file ends too early: it is empty or was cut off."),
        (b'{\n  "name": Hall\n}', "line 2, column 11: This is not JSON: Expecting value."),
        (b"\xff\xfe\x00", "byte 0: The file is not text in UTF-8."),
        (b'{"zones": [], "zones": []}', "An object has two members named “zones”."),
        (b'{"zones": NaN}', "“NaN” is not a number."),
        (b'{"zones": ' + b"9" * 5000 + b"}", "A number is too long."),
        (b"[" * 100_000, "This is nested too deeply."),
        (b" " * (LARGEST_FILE + 1), "The file is too large: 21 MB, at most 20 MB are read."),
    ],
)
def test_what_is_no_json_is_refused_with_line_and_column(venue: Venue, content: bytes, message: str) -> None:
    assert said(import_seating_plan(venue=venue, content=content)) == [message]


@pytest.mark.parametrize(
    ("layout", "found"),
    [
        ([], "a list"),
        (7, "a single value"),
        ({}, "an object with other members (nothing in it)"),
        ({"type": "FeatureCollection", "features": []}, "GeoJSON (features, type)"),
        (
            {"venue": {}, "schema": {}, "sections": []},
            "a declarative specification of another vendor, with sections to be generated (schema, sections, venue)",
        ),
    ],
)
def test_other_formats_are_named_beside_the_expected_one(venue: Venue, layout: Any, found: str) -> None:
    expected = "Expected is a seating plan in the open pretix format: a JSON object with name, size, categories and zones."

    assert said(imported(venue, layout)) == [f"{expected} Found: {found}."]


def test_what_may_be_meant_so_is_a_warning_and_every_seat_is_kept(venue: Venue, layout: dict[str, Any]) -> None:
    layout["zones"] = layout["zones"][1:]
    seats = layout["zones"][0]["rows"][0]["seats"]
    seats[1] |= {"seat_number": "17-1", "position": seats[0]["position"]}
    seats[2]["position"] = {"x": 5000, "y": 0}
    layout["zones"][0]["rows"].append({"row_number": "20", "seats": []})
    layout["zones"][0]["areas"].append({"shape": "circle"})
    layout["zones"].append({"position": {"x": 0, "y": 0}, "rows": []})
    report = imported(venue, layout)

    assert report.seat_count == 100
    assert [str(warning) for warning in report.warnings] == [
        "categories[0]: “Parkett vorne” has no seats.",
        "categories[1]: “Parkett mitte” has no seats.",
        "categories[2]: “Parkett hinten” has no seats.",
        "zones[0].rows[3]: The row is empty.",
        "zones[0].areas[1]: The area has no “circle” and is not drawn.",
        "zones[1]: The zone is empty.",
        "zones[0].rows[0].seats[1]: Two seats are called row 17, seat 1 in “Balcony”.",
        "zones[0].rows[0].seats[1]: Two seats are at x 100, y 1005.",
        "zones[0].rows[0].seats[2]: The seat is off the canvas: x 5010, y 1005 of 1150 by 1150.",
    ]


def test_thousands_of_errors_are_cut_short(layout: dict[str, Any]) -> None:
    layout["categories"] = []
    errors = examine(json.dumps(layout)).errors

    assert (len(errors), str(errors[-1])) == (101, "… and 957 more.")


def test_thousands_of_warnings_are_cut_short_and_every_seat_is_kept(layout: dict[str, Any]) -> None:
    layout["zones"] *= 2
    findings = examine(json.dumps(layout))

    assert findings.plan
    assert len(list(findings.plan.seats)) == 2114
    assert (len(findings.warnings), str(findings.warnings[-1])) == (1001, "… and 2255 more.")


ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1e308,
    10**30,
    "",
    " ",
    "\0",
    "x" * 500,
    "\ud800",
    [],
    {},
    [[]],
    {"x": 1},
    {"x": 0, "y": "1"},
]


def mutate(layout: Any, chance: random.Random) -> None:
    """Change one thing somewhere in the layout: take it away, double it, or put something odd in its place."""
    holder: Any = layout
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(holder[key], dict | list) and chance.random() < 0.8:
            holder = holder[key]
            continue
        odd = copy.deepcopy(chance.choice(ODD))
        match chance.randrange(4):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
            case 2 if isinstance(holder, dict):
                holder[chance.choice(["name", "rows", "seats", "position", "x", "radius", "shape"])] = copy.deepcopy(
                    chance.choice(ODD)
                )
            case _:
                holder[key] = odd
        return


EVERYTHING = {
    "name": "All that the format has",
    "zone_id": "z",
    "uuid": "u",
    "position": {"x": 1, "y": 2.5},
    "rows": [
        {
            **{"row_number": "1", "row_label": None, "seat_label": "Seat %s", "uuid": "u", "row_number_position": None},
            "position": {"x": 0, "y": 0},
            "seats": [
                {
                    **{"seat_guid": "g 1", "seat_number": "1", "uuid": "u", "start_direction": "<>", "radius": 9.5},
                    **{"position": {"x": 0, "y": 0}, "category": "Parkett vorne"},
                }
            ],
        }
    ],
    "areas": [
        {
            **{"color": "red", "border_color": "red", "rotation": 45, "position": {"x": 0, "y": 0}, "uuid": "u"},
            **{"shape": "text", "polygon": {"points": [{"x": 0, "y": 0}]}, "rectangle": {"width": 1, "height": 2}},
            **{"ellipse": {"radius": {"x": 1, "y": 2}}, "circle": {"radius": 3}},
            "text": {"text": "Stage", "color": "red", "size": 16, "position": {"x": 0, "y": 0}},
        }
    ],
}


def small(layout: dict[str, Any]) -> dict[str, Any]:
    for zone in layout["zones"]:
        zone["rows"] = [row | {"seats": row["seats"][:4]} for row in zone["rows"][:2]]
    return layout


def test_400_damaged_plans_come_in_whole_or_not_at_all(venue: Venue, layout: dict[str, Any]) -> None:
    chance = random.Random(1057)  # noqa: S311 -- a seed to repeat it by
    layout = small(layout)
    outcomes = []
    for _ in range(400):
        damaged = copy.deepcopy(layout)
        for _ in range(chance.randint(1, 3)):
            mutate(damaged, chance)
        text = json.dumps(damaged)
        if chance.random() < 0.2:
            cut = chance.randrange(len(text))
            text = text[:cut] + chance.choice(["", "}", '"', "\\", "9", text[cut + 3 :]])
        before = SeatingPlan.objects.count()
        report = import_seating_plan(venue=venue, content=text)

        if report.errors:
            assert (report.plan, SeatingPlan.objects.count()) == (None, before)
        else:
            assert report.plan is not None
            written = [seat for zone in report.plan.layout["zones"] for row in zone["rows"] for seat in row["seats"]]
            assert report.plan.seat_count == report.seat_count == len(written)
            assert SeatingPlan.objects.count() == before + (not report.is_known)
        outcomes.append(bool(report.errors))

    assert {True, False} == set(outcomes)


def test_what_is_passed_over_at_a_glance_is_right_and_every_complaint_is_the_same(layout: dict[str, Any]) -> None:
    """Against the library's own validator, on plans with one to six things wrong."""
    chance = random.Random(94_000)  # noqa: S311 -- a seed to repeat it by
    schema = json.loads(SCHEMA.read_text())
    slow = Draft7Validator(schema)
    quick = checking._validator()
    is_right = glance(schema, schema["definitions"])
    layout = small(layout)
    layout["zones"].append(EVERYTHING)

    def complaints(validator: Any, damaged: Any) -> list[tuple[str, str, str]]:
        return [(error.json_path, error.validator, error.message) for error in validator.iter_errors(damaged)]

    assert is_right(layout)
    outcomes = []
    for _ in range(2_000):
        damaged = copy.deepcopy(layout)
        for _ in range(chance.randint(1, 6)):
            mutate(damaged, chance)
        told = complaints(slow, damaged)
        assert complaints(quick, damaged) == told
        assert not (told and is_right(damaged))
        outcomes.append((bool(told), is_right(damaged)))
    assert {(True, False), (False, True)} <= set(outcomes)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats() | st.sampled_from([1.0, "", "a", "ab", " a", "a\n", "ab\n"]),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from(["x", "y", "name", "a"]), part, max_size=3),
    max_leaves=6,
)
TEXTS = st.sampled_from(["", " ", "a", "ab", "a b", "ab ", "ab\n", "\n", "a\nb"]) | st.text()
PLACES = st.fixed_dictionaries({"x": st.integers() | st.floats(), "y": st.integers()}) | ANYTHING
SEATS = st.fixed_dictionaries(
    {"seat_guid": TEXTS, "seat_number": TEXTS | ANYTHING, "position": PLACES, "category": TEXTS | ANYTHING},
    optional={"radius": ANYTHING, "start_direction": ANYTHING, "uuid": ANYTHING, "colour": ANYTHING},
)


@given(SEATS | ANYTHING)
@hypothesis_settings(max_examples=500, deadline=None)
def test_a_seat_that_is_right_at_a_glance_is_right_by_the_schema(seat: Any) -> None:
    schema = json.loads(SCHEMA.read_text())
    part = {"$ref": "#/definitions/seat"}

    assert glance(part, schema["definitions"])(seat) <= Draft7Validator(schema | part).is_valid(seat)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "string", "maxLength": 3},
        {"type": "number", "minimum": 0},
        {"anyOf": [{"type": "string"}]},
        {"type": "array", "items": {"type": "string", "format": "uuid"}},
        {},
    ],
)
def test_what_the_schema_says_in_another_way_is_left_to_the_library(part: dict[str, Any]) -> None:
    values: list[Any] = ["ab", 1, ["ab"], None, {}]
    assert [glance(part, {})(value) for value in values] == [False] * 5


def test_the_seats_of_a_stadium_are_passed_over_at_a_glance() -> None:
    """Twenty times as fast as the library's own validator; a test asks for a quarter of that, whatever else the machine does."""
    layout = json.loads(json.dumps(around_a_pitch("Bowl", [Tier("Lower", 101, 40, 5, 25)])))
    validators = checking._validator(), Draft7Validator(json.loads(SCHEMA.read_text()))
    seconds = []
    for validator in validators:
        started = time.process_time()
        assert list(validator.iter_errors(layout)) == []
        seconds.append(time.process_time() - started)

    assert seconds[0] * 5 < seconds[1]


def test_a_file_with_millions_of_errors_is_refused_as_quickly() -> None:
    errors = examine(json.dumps({"zones": [0] * 200_000, "categories": []})).errors

    assert (len(errors), str(errors[-1])) == (101, "… and more than 4900 more.")


@given(
    st.binary()
    | st.text()
    | st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists).map(json.dumps)
)
@hypothesis_settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_anything_at_all_is_refused_without_a_traceback(content: str | bytes) -> None:
    assert examine(content).errors


def test_command_tells_counts_and_outcome(venue: Venue) -> None:
    out = StringIO()
    call_command("import_seating_plan", HALL, venue=venue.slug, stdout=out)
    call_command("import_seating_plan", HALL, venue=venue.slug, stdout=out)

    lines = out.getvalue().splitlines()
    assert "  Parkett vorne       238" in lines
    assert "  seats in all      1,057" in lines
    assert "Imported 1,057 seats into Main Hall, Erfurt as version 1, 84 warnings." in lines
    assert lines[-1] == "Nothing to do: Main Hall, Erfurt already has this as version 1 (84 warnings)."


def test_command_refuses_with_what_is_wrong(venue: Venue, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"zones": [}')
    errors = StringIO()

    with pytest.raises(CommandError, match=r"Nothing was imported: 1 error\."):
        call_command("import_seating_plan", broken, venue=venue.slug, stderr=errors)
    assert errors.getvalue() == "error  line 1, column 12: This is not JSON: Expecting value.\n"
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        call_command("import_seating_plan", tmp_path / "none.json", venue=venue.slug)
    with pytest.raises(CommandError, match=r"There is no venue “nowhere”\. Venues: main-hall\."):
        call_command("import_seating_plan", HALL, venue="nowhere")

"""What is wrong with a seating-plan file, and where: all that has to be known before it may be imported."""

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from types import NoneType
from typing import Any

from django.utils.translation import gettext as _
from jsonschema import Draft7Validator
from jsonschema.validators import extend

from .geometry import Plan, SeatPlace, read_layout

LARGEST_FILE = 20 * 1024 * 1024
FARTHEST = 1_000_000  # no coordinate or size is larger
DEEPEST = 20  # the format needs half of it
LENGTHS = {"section": 100, "row": 20, "number": 20, "place": 30}  # of events.Seat
CATEGORY_LENGTH = 100  # of events.Category.plan_category
MOST_ERRORS, MOST_WARNINGS = 100, 1_000  # that are told; a broken file may have many thousands
MOST_COUNTED = 5_000  # as far as is counted how many more there are: a file can have millions
UNDERSTOOD = {
    *("type", "properties", "required", "additionalProperties", "items", "pattern", "enum"),
    *("description", "title", "version", "$schema", "definitions"),  # say nothing of a layout
}
TYPES: dict[str, tuple[type, ...]] = {
    **{"string": (str,), "number": (int, float), "integer": (int,), "null": (NoneType,), "object": (dict,), "array": (list,)}
}
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
SCHEMA = Path(__file__).parent / "schemas" / "seating-plan.schema.json"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong and where: a JSON path like `zones[0].rows[3].seats[7]`, or a line and column."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


@dataclass(slots=True)
class Findings:
    """An error keeps the file out; a warning only asks for a look. `plan` and `layout` are there when nothing is wrong."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    layout: dict[str, Any] | None = None
    plan: Plan | None = None


class _Unreadable(Exception):
    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(where, message)


def examine(content: str | bytes) -> Findings:
    """Read a seating-plan file and tell everything that is wrong with it. Never raises, whatever the file holds."""
    try:
        layout = _parse(content)
        _refuse_other_formats(layout)
        _refuse_what_the_database_cannot_keep(layout)
    except _Unreadable as refusal:
        return Findings(errors=[refusal.problem])
    schema_errors = (Problem(_path(error.absolute_path), _said(error)) for error in _validator().iter_errors(layout))
    if errors := _shortened(schema_errors, MOST_ERRORS):
        return Findings(errors=errors)
    plan = read_layout(layout)
    if errors := _shortened(_errors(plan), MOST_ERRORS):
        return Findings(errors=errors)
    return Findings(warnings=_shortened(_warnings(layout, plan), MOST_WARNINGS), layout=layout, plan=plan)


def _parse(content: str | bytes) -> Any:
    if len(content) > LARGEST_FILE:
        size = math.ceil(len(content) / 1024 / 1024)
        raise _Unreadable("", _("The file is too large: %(size)d MB, at most 20 MB are read.") % {"size": size})
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise _Unreadable(_("byte %(number)d") % {"number": error.start}, _("The file is not text in UTF-8.")) from error
    except json.JSONDecodeError as error:
        where = _("line %(line)d, column %(column)d") % {"line": error.lineno, "column": error.colno}
        if error.msg.startswith("Unterminated") or not error.doc[error.pos :].strip():
            raise _Unreadable(where, _("The file ends too early: it is empty or was cut off.")) from error
        raise _Unreadable(where, _("This is not JSON: %(reason)s.") % {"reason": error.msg}) from error
    except RecursionError as error:
        raise _Unreadable("", _("This is nested too deeply.")) from error
    except ValueError as error:  # more digits than Python reads
        raise _Unreadable("", _("A number is too long.")) from error


def _refuse_constant(name: str) -> None:
    raise _Unreadable("", _("“%(name)s” is not a number.") % {"name": name})


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two members with one name JSON readers keep the last: seats would be lost silently."""
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in members if names.count(name) > 1)
        raise _Unreadable("", _("An object has two members named “%(name)s”.") % {"name": twice[:100]})
    return members


def _refuse_other_formats(layout: Any) -> None:
    expected = _("Expected is a seating plan in the open pretix format: a JSON object with name, size, categories and zones.")
    if not isinstance(layout, dict):
        found = _("a list") if isinstance(layout, list) else _("a single value")
        raise _Unreadable("", _("%(expected)s Found: %(found)s.") % {"expected": expected, "found": found})
    if {"zones", "categories"} & layout.keys():
        return
    names = ", ".join(sorted(layout)[:8]) or _("nothing in it")
    if {"schema", "sections"} <= layout.keys():
        found = _("a declarative specification of another vendor, with sections to be generated (%(names)s)") % {"names": names}
    elif {"type", "features"} <= layout.keys():
        found = _("GeoJSON (%(names)s)") % {"names": names}
    else:
        found = _("an object with other members (%(names)s)") % {"names": names}
    raise _Unreadable("", _("%(expected)s Found: %(found)s.") % {"expected": expected, "found": found})


def _refuse_what_the_database_cannot_keep(layout: Any) -> None:
    if odd := _odd(layout, depth=0):
        message, path = odd
        raise _Unreadable(_path(reversed(path)), message)


def _odd(value: Any, *, depth: int) -> tuple[str, list[str | int]] | None:
    """The last thing in it that cannot be kept, and the way there from the inside out. Takes no memory for a million numbers."""
    if depth > DEEPEST:
        return _("This is nested too deeply."), []
    members: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        members = reversed(value.items())
        value = " ".join(value)
    elif isinstance(value, list):
        members = zip(range(len(value) - 1, -1, -1), reversed(value), strict=True)
    if isinstance(value, str) and UNSTORABLE.search(value):
        return _("This text holds characters that cannot be stored."), []
    if isinstance(value, int | float) and not abs(value) <= FARTHEST:
        return _("This number is too large."), []
    for name, item in members:
        if odd := _odd(item, depth=depth + 1):
            odd[1].append(name)
            return odd
    return None


@cache
def _validator() -> Any:
    """Tells what the schema has against a layout. What is seen to be right at a glance, such as nearly every seat, is passed over
    in lists: a stadium has a hundred thousand of them, and the library takes its time with each.
    """
    schema = json.loads(SCHEMA.read_text())
    tests: dict[int, Callable[[Any], bool]] = {}  # by the part of the schema, which stays where it is

    def items(validator: Any, part: Mapping[str, Any], instance: Any, _schema: Any) -> Iterator[Any]:
        if id(part) not in tests:
            tests[id(part)] = glance(part, schema["definitions"])
        is_right = tests[id(part)]
        for index, item in enumerate(instance if isinstance(instance, list) else ()):
            if not is_right(item):
                yield from validator.descend(item, part, path=index)

    return extend(Draft7Validator, {"items": items})(schema)  # type: ignore[no-untyped-call]


def glance(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Callable[[Any], bool]:
    """A test that is true only of what the schema has nothing against. Of the rest, and of all that the schema says in a way
    that is not understood here, it is false: then the library has to look.
    """
    if "$ref" in schema:  # what stands beside it does not count
        return glance(definitions[schema["$ref"].removeprefix("#/definitions/")], definitions)
    if schema.keys() - UNDERSTOOD or "type" not in schema:
        return lambda _value: False
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    types = {each for kind in kinds for each in TYPES[kind]}
    parts = {name: glance(part, definitions) for name, part in schema.get("properties", {}).items()}
    required = frozenset(schema.get("required", ()))
    item = glance(schema["items"], definitions) if "items" in schema else None
    pattern = re.compile(schema.get("pattern", ""))
    choices = schema.get("enum")

    def is_right(value: Any) -> bool:
        kind = type(value)
        if kind not in types:
            return False
        if kind is dict:
            for name, part in value.items():
                if name not in parts or not parts[name](part):
                    return False
            return bool(required <= value.keys())
        if kind is list:
            return item is not None and all(map(item, value))
        if choices is not None and (kind not in (str, NoneType) or value not in choices):
            return False
        return kind is not str or pattern.search(value) is not None

    return is_right


def _said(error: Any) -> str:
    """The schema's complaint in words; what was found instead is cut short."""
    match error.validator:
        case "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            return _("“%(name)s” is missing.") % {"name": "”, “".join(missing)}
        case "additionalProperties":
            unknown = sorted(set(error.instance) - set(error.schema["properties"]))
            return _("“%(name)s” is not part of the format.") % {"name": "”, “".join(map(_name, unknown[:5]))}
        case "type":
            kinds = error.validator_value
            kind = kinds if isinstance(kinds, str) else " / ".join(kinds)
            return _("Expected is %(kind)s, found %(found)s.") % {"kind": kind, "found": _cut(error.instance)}
        case "enum":
            known = ", ".join(str(value) for value in error.validator_value)
            return _("Expected is one of %(known)s, found %(found)s.") % {"known": known, "found": _cut(error.instance)}
        case _:
            return _("%(found)s is not allowed here (at least two characters, no blanks around them).") % {
                "found": _cut(error.instance)
            }


def _cut(value: Any) -> str:
    if isinstance(value, dict | list):
        return _("an object") if isinstance(value, dict) else _("a list")
    return _name(json.dumps(value, ensure_ascii=False))


def _path(parts: Iterable[str | int]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:100]}" for part in parts)
    return text.removeprefix(".")


def _seat_path(place: str) -> str:
    zone, row, seat = place.split(".")
    return f"zones[{zone}].rows[{row}].seats[{seat}]"


def _shortened(problems: Iterable[Problem], most: int) -> list[Problem]:
    found = list(islice(problems, MOST_COUNTED + 1))
    if len(found) > most:
        more = _("… and more than %(count)d more.") if len(found) > MOST_COUNTED else _("… and %(count)d more.")
        return [*found[:most], Problem("", more % {"count": min(len(found), MOST_COUNTED) - most})]
    return found


def _errors(plan: Plan) -> list[Problem]:
    """What the schema cannot say and no seat can be sold with."""
    names = Counter(category.name for category in plan.categories)
    errors = []
    for index, category in enumerate(plan.categories):
        where = f"categories[{index}].name"
        if not category.name.strip():
            errors.append(Problem(where, _("The category has no name.")))
        if names[category.name] > 1:
            errors.append(Problem(where, _("Two categories are called “%(name)s”.") % {"name": _name(category.name)}))
        if len(category.name) > CATEGORY_LENGTH:
            errors.append(Problem(where, _("The name is longer than %(most)d characters.") % {"most": CATEGORY_LENGTH}))
    for seat in plan.seats:
        where = _seat_path(seat.place)
        if seat.category not in names:
            message = _("There is no category “%(name)s” in this plan.") % {"name": _name(seat.category)}
            errors.append(Problem(f"{where}.category", message))
        if not seat.number:
            errors.append(Problem(f"{where}.seat_number", _("The seat has no number.")))
        for what, most in LENGTHS.items():
            if len(getattr(seat, what)) > most:
                message = _("Its %(what)s is longer than %(most)d characters.") % {"what": what, "most": most}
                errors.append(Problem(where, message))
    if not errors and not any(True for _seat in plan.seats):
        errors.append(Problem("zones", _("The plan has no seats.")))
    return errors


def _warnings(layout: Mapping[str, Any], plan: Plan) -> Iterator[Problem]:
    """What may well be meant so. Every seat is kept, whatever is said here."""
    yield from _empty(layout, plan)
    yield from _repeated_ids(layout)
    yield from _repeated(
        plan,
        lambda seat: (seat.section, seat.row, seat.number),
        lambda key: (
            _("Two seats are called row %(row)s, seat %(number)s in “%(section)s”.")
            % {"section": key[0], "row": key[1], "number": key[2]}
        ),
    )
    yield from _repeated(
        plan, lambda seat: (seat.x, seat.y), lambda key: _("Two seats are at x %(x)g, y %(y)g.") % {"x": key[0], "y": key[1]}
    )
    for seat in plan.seats:
        if not (0 <= seat.x <= plan.width and 0 <= seat.y <= plan.height):
            canvas = {"x": seat.x, "y": seat.y, "width": plan.width, "height": plan.height}
            message = _("The seat is off the canvas: x %(x)g, y %(y)g of %(width)g by %(height)g.") % canvas
            yield Problem(_seat_path(seat.place), message)


def _empty(layout: Mapping[str, Any], plan: Plan) -> Iterator[Problem]:
    used = {seat.category for seat in plan.seats}
    for index, category in enumerate(plan.categories):
        if category.name not in used:
            yield Problem(f"categories[{index}]", _("“%(name)s” has no seats.") % {"name": _name(category.name)})
    for zone_index, zone in enumerate(layout["zones"]):
        if not zone["rows"] and not zone.get("areas"):
            yield Problem(f"zones[{zone_index}]", _("The zone is empty."))
        for row_index, row in enumerate(zone["rows"]):
            if not row["seats"]:
                yield Problem(f"zones[{zone_index}].rows[{row_index}]", _("The row is empty."))
        for area_index, area in enumerate(zone.get("areas", ())):
            shape = area.get("shape", "text")
            if shape not in area:
                where = f"zones[{zone_index}].areas[{area_index}]"
                yield Problem(where, _("The area has no “%(shape)s” and is not drawn.") % {"shape": shape})


def _repeated_ids(layout: Mapping[str, Any]) -> Iterator[Problem]:
    places: dict[str, list[str]] = defaultdict(list)
    for zone_index, zone in enumerate(layout["zones"]):
        for row_index, row in enumerate(zone["rows"]):
            for seat_index, seat in enumerate(row["seats"]):
                places[seat["seat_guid"]].append(_seat_path(f"{zone_index}.{row_index}.{seat_index}"))
    for guid, (first, *others) in places.items():
        for other in others:
            message = _("The id “%(guid)s” is also that of %(first)s; both seats are kept.")
            yield Problem(other, message % {"guid": _name(guid), "first": first})


def _repeated(
    plan: Plan, key_of: Callable[[SeatPlace], tuple[Any, ...]], said: Callable[[tuple[Any, ...]], str]
) -> Iterator[Problem]:
    seen: set[tuple[Any, ...]] = set()
    for seat in plan.seats:
        if (key := key_of(seat)) in seen:
            yield Problem(_seat_path(seat.place), said(key))
        seen.add(key)


def _name(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"

"""Seating plans from files: all of a plan, or a list of what is wrong with it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from evently.accounts.models import User

from .checking import Findings, Problem, examine
from .geometry import read_layout
from .models import SeatingPlan, Venue
from .overview import make_overview


@dataclass(frozen=True, slots=True)
class Report:
    """What a file holds: seats per category, what is wrong, and the plan that was made of it, or that it already was."""

    counts: dict[str, int] = field(default_factory=dict)
    warnings: list[Problem] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)
    plan: SeatingPlan | None = None
    is_known: bool = False

    @property
    def seat_count(self) -> int:
        return sum(self.counts.values())


def import_seating_plan(
    *, venue: Venue, content: str | bytes, name: str = "", actor: User | None = None, dry_run: bool = False
) -> Report:
    """Make the file the venue's next seating plan, with every seat in it, or nothing if it has errors.

    A layout that the venue already has in some version is recognised: that plan is returned and nothing changes.
    """
    findings = examine(content)
    if findings.plan is None or findings.layout is None:
        return Report(errors=findings.errors)
    # By the plan's order of categories, those without seats too.
    counts = dict.fromkeys((category.name for category in findings.plan.categories), 0)
    counts |= Counter(seat.category for seat in findings.plan.seats)
    plan_name = (name or findings.plan.name).strip() or venue.name
    if len(plan_name) > (most := 200):
        too_long = Problem("name", _("The name is longer than %(most)d characters.") % {"most": most})
        return Report(counts, findings.warnings, [too_long])
    plan, is_known = _store(findings, venue=venue, name=plan_name, actor=actor, dry_run=dry_run)
    return Report(counts, findings.warnings, [], plan, is_known)


def keep_layout(*, venue: Venue, layout: dict[str, Any], actor: User | None = None) -> SeatingPlan:
    """Make a layout of our own making the venue's next seating plan, or return the plan that has it already.

    It is not examined as a file is: that takes some seconds for a stadium.
    """
    plan, _is_known = _store(
        Findings(layout=layout, plan=read_layout(layout)), venue=venue, name=layout["name"], actor=actor, dry_run=False
    )
    assert plan  # noqa: S101 -- for the type checker: a layout without errors is kept
    return plan


@transaction.atomic
def _store(findings: Findings, *, venue: Venue, name: str, actor: User | None, dry_run: bool) -> tuple[SeatingPlan | None, bool]:
    Venue.objects.select_for_update(no_key=True).get(pk=venue.pk)  # two imports at once get two numbers
    plans = SeatingPlan.objects.filter(venue=venue)
    known = plans.filter(layout=findings.layout).order_by("number").last()
    if known or dry_run or findings.plan is None:
        return known, known is not None
    newest = plans.aggregate(number=Max("number"))["number"] or 0
    plan = SeatingPlan.objects.create(
        venue=venue,
        name=name,
        number=newest + 1,
        layout=findings.layout,
        seat_count=sum(1 for _seat in findings.plan.seats),
        overview=make_overview(findings.plan),
        created_by=actor,
    )
    return plan, False

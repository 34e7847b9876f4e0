"""`manage.py audit`: prove that every seat and every cent is where it belongs."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from evently import audit


class Command(BaseCommand):
    help = "Check every promise about seats, bookings and money, changing nothing. Exit code 1 if one is broken."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json", action="store_true", dest="for_machines", help="one JSON document; progress to standard error"
        )

    def handle(self, *, for_machines: bool, **options: Any) -> None:
        progress = self.stderr if for_machines else self.stdout
        checks, findings = audit.checks(), []
        with audit.snapshot():
            for number, finding in enumerate(audit.run(checks), start=1):
                findings.append(finding)
                place = f"[{number:>2}/{len(checks)}]"
                progress.write(f"{place} {self._verdict(finding)} {finding.seconds:6.2f} s  {finding.check.promise}")
                if not for_machines:
                    self._explain(finding)
        broken = [finding for finding in findings if finding.count and not finding.check.is_warning]
        if for_machines:
            self.stdout.write(document(findings))
        else:
            warnings = sum(1 for finding in findings if finding.count) - len(broken)
            self.stdout.write(f"{len(checks)} promises checked: {len(broken)} broken, {warnings} to look after.")
        if broken:
            raise CommandError(f"Broken: {', '.join(finding.check.name for finding in broken)}.")

    def _verdict(self, finding: audit.Finding) -> str:
        if not finding.count:
            return self.style.SUCCESS("ok     ")
        return self.style.WARNING("WARNING") if finding.check.is_warning else self.style.ERROR("BROKEN ")

    def _explain(self, finding: audit.Finding) -> None:
        if not finding.count:
            return
        self.stdout.write(f"        {finding.check.name}: {finding.count} found")
        for pk, what in finding.first:
            self.stdout.write(f"          {what}  ({pk})")
        if finding.count > len(finding.first):
            self.stdout.write(f"          and {finding.count - len(finding.first)} more")
        self.stdout.write(f"        What to do: {finding.check.remedy}")


def document(findings: list[audit.Finding]) -> str:
    """The findings for machines, with a verdict on top."""
    rows = [
        {
            "check": finding.check.name,
            "level": "warning" if finding.check.is_warning else "error",
            "promise": finding.check.promise,
            "count": finding.count,
            "first": [{"id": pk, "what": what} for pk, what in finding.first],
            "remedy": finding.check.remedy if finding.count else "",
            "seconds": round(finding.seconds, 3),
        }
        for finding in findings
    ]
    broken = any(finding.count and not finding.check.is_warning for finding in findings)
    return json.dumps({"ok": not broken, "checks": rows}, indent=2)

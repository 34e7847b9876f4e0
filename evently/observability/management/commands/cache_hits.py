"""`manage.py cache_hits`: how often the read caches helped."""

from typing import Any

from django.core.management.base import BaseCommand

from evently.caching import hit_counts


class Command(BaseCommand):
    help = "Hits and misses of the read caches by kind, of all processes, since the cache was emptied. Counted in steps of fifty."

    def handle(self, **options: Any) -> None:
        counts = hit_counts()
        if not counts:
            self.stdout.write("Nothing was counted yet.")
        for name, (hits, misses) in counts.items():
            self.stdout.write(f"{name:<10} {hits:>12,} hits {misses:>10,} misses   {hits / (hits + misses):6.1%}")

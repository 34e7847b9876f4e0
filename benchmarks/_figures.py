"""Figures as benchmarks print them."""

from collections.abc import Iterable, Sequence
from statistics import quantiles
from typing import Any


def percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """The 50th, 95th and 99th percentile in milliseconds."""
    if len(seconds) < 2:
        return (round(seconds[0] * 1000, 1),) * 3 if seconds else (0.0, 0.0, 0.0)
    cuts = quantiles(seconds, n=100, method="inclusive")
    return round(cuts[49] * 1000, 1), round(cuts[94] * 1000, 1), round(cuts[98] * 1000, 1)


def print_table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """The first column to the left, the others to the right, as wide as they need."""
    lines = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for first, *others in lines:
        print(first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)), sep="  ")
    print(flush=True)

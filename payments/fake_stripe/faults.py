"""What can go wrong on the way to the company and back, switched on for the next calls."""

import random
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock


class Kind(StrEnum):
    LATE = "late"  # done, and answered after some seconds
    REFUSED = "refused"  # not done, answered with an error status
    FAILED = "failed"  # done, but answered with an error status, again and again for the same key
    LOST = "lost"  # done, and the line is cut before a word of the answer
    CUT = "cut"  # done, and the line is cut in the middle of the answer
    HANGING = "hanging"  # neither done nor answered


@dataclass(slots=True)
class Fault:
    """Befalls the next `times` calls (for ever if negative) whose path begins with `path`, each with the chance `rate`."""

    kind: Kind
    path: str = "/v1/"
    method: str = ""
    times: int = 1
    seconds: float = 0.0
    status: int = 500
    rate: float = 1.0


class Faults:
    def __init__(self) -> None:
        self._lock, self._faults = Lock(), list[Fault]()
        self.random = random.Random(0)  # noqa: S311 -- bad luck that can be repeated

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def heal(self) -> None:
        with self._lock:
            self._faults.clear()

    def next(self, method: str, path: str) -> Fault | None:
        """What befalls this call, if anything; the oldest fault that fits."""
        with self._lock:
            for fault in self._faults:
                fits = fault.times and path.startswith(fault.path) and fault.method in ("", method)
                if fits and self.random.random() < fault.rate:
                    fault.times -= 1
                    return fault
        return None

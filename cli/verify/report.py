"""What a verification found: counts by invariant, a few examples each, and remarks that are no violations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

EXAMPLES_MAX = 5


@dataclass(slots=True)
class Tally:
    """The count of one invariant."""

    checks: int = 0
    violations: int = 0
    examples: list[str] = field(default_factory=list)

    def violate(self, what: str, count: int = 1) -> None:
        self.violations += count
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(what)

    def require(self, holds: bool, what: str) -> None:
        """One check; `what` tells of it when it does not hold. For checks that are few: the text is made either way."""
        self.checks += 1
        if not holds:
            self.violate(what)


@dataclass(slots=True)
class Report:
    """All tallies by the invariant's name, in the order of reliability.md."""

    per_invariant: dict[str, Tally]
    seq: int = 0
    seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)

    @property
    def checks(self) -> int:
        return sum(tally.checks for tally in self.per_invariant.values())

    @property
    def violations(self) -> int:
        return sum(tally.violations for tally in self.per_invariant.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "checks": self.checks,
            "violations": self.violations,
            "seq": self.seq,
            "seconds": round(self.seconds, 3),
            "per_invariant": {
                name: {"checks": tally.checks, "violations": tally.violations, "examples": tally.examples}
                for name, tally in self.per_invariant.items()
            },
            "remarks": self.remarks,
        }

"""Damaged rule documents against reader, compiler, lint and calculator: nothing but a refusal that names a place.

`python -m tests.core.rules.fuzz --seconds 60 --seed 1` prints what was tried and what came of it; it exits with 1 and
shows the document when something else came. The same seed tries the same documents.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from altyn.core.evaluate import evaluate
from altyn.core.rules.compile import CompileError, compile_ruleset
from altyn.core.rules.definition import (
    DocumentError,
    canonical_json,
    default_documents,
    dump_documents,
    load_documents,
    read_documents,
)
from altyn.core.rules.lint import Known, remarks
from altyn.core.rules.ruleset import Ruleset
from altyn.core.rules.schema_texts import DEFINITIONS, KEYS

ROOT = Path(__file__).resolve().parents[3]
CHARACTERS = ("", "", ":", "- ", "\n", "  ", "{", "]", "&a ", "*a", "!!x ", "'", "\t", "\x85", "? ")
KNOWN = Known(today=20_819, stacks_max=4)
STRANGE: list[Any] = [
    None, True, False, 0, -1, 1, 2**63, 10**50, 0.1, float("nan"), "", " ", "0", "-0", "1e9", "0.00001",
    "99999999999999999", "100", "NaN", "\x00", "\ud800", "𝟙", "ё" * 2_000, "2027-02-29", "24:00-24:00", "{{ x", "ALL",
    [], {}, [[]], [{}], {"": {}}, {"a": {"b": {}}}, (), b"bytes",
]  # fmt: skip
RECEIPT = {
    "lines": [
        {"line_no": 1, "sku": "milk", "group_id": "bakery", "qty_milli": 3000, "price_minor": 10000},
        {"line_no": 2, "sku": "ham", "brand_id": "Private", "unit": "KG", "qty_milli": 512, "price_minor": 39900},
    ],
    "coupons": [{"code": "COMEBACK"}],
    "points": [{"asset": "points", "max": True}],
}


def corpus() -> list[dict[str, Any]]:
    """Sound documents to damage: the demo's, the schema's examples, the scenarios'."""
    found: list[dict[str, Any]] = [DEFINITIONS[kind][1] for kind in ("promotion", "asset", "limit", "rounding")]
    for path in sorted((ROOT / "cli/demo/promotions").glob("*.yaml")):
        found += load_documents(path.read_text())
    for path in sorted((ROOT / "tests/scenarios").rglob("*.yaml")):
        for scenario in load_documents(path.read_text()):
            rules = scenario.get("rules")
            found += [one for one in rules if isinstance(one, dict)] if isinstance(rules, list) else []
    return found


WORDS = sorted({step for path in KEYS for step in path.split(".") if step != "*"})


class Fuzz:
    """Damages documents; `counts` tells what came of them."""

    def __init__(self) -> None:
        self.chance = random.Random()
        self.corpus = corpus()
        self.pieces = [value for one in self.corpus for value in _inner(one)]
        self.counts: Counter[str] = Counter()

    def documents(self) -> list[Any]:
        """One to three documents, damaged in one to four places."""
        chosen = [copy.deepcopy(self.chance.choice(self.corpus)) for _ in range(self.chance.randint(1, 3))]
        for _ in range(self.chance.choice((1, 1, 2, 4))):
            self._damage(chosen)
        return chosen

    def text(self) -> str:
        """A rules file with some characters gone, doubled or strange."""
        text = dump_documents(self.chance.sample(self.corpus, 2))
        for _ in range(self.chance.randint(1, 6)):
            at, size = self.chance.randrange(len(text)), self.chance.choice((0, 1, 1, 3, 40))
            put = self.chance.choice(
                ["", "", ":", "- ", "\n", "  ", "{", "]", "&a ", "*a", "!!x ", "'", "\t", "\x85", "? "]
            )
            text = text[:at] + put + text[at + size :]
        return text

    def _damage(self, root: list[Any]) -> None:
        places = list(_containers(root))
        holder = self.chance.choice(places[1:] or places)
        keys: list[Any] = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        what = self.chance.randrange(6)
        if not keys or what == 0:
            self._put(holder, self.chance.choice([*WORDS, "zzz", 5, ""]), self._piece())
        elif what == 1:
            del holder[self.chance.choice(keys)]
        elif what == 2:
            holder[self.chance.choice(keys)] = copy.deepcopy(self.chance.choice(STRANGE))
        elif what == 3:
            first, second = self.chance.choice(keys), self.chance.choice(keys)
            holder[first], holder[second] = holder[second], holder[first]
        elif what == 4:
            holder[self.chance.choice(keys)] = self._piece()
        else:
            inner = holder[key := self.chance.choice(keys)]
            for _ in range(self.chance.choice((1, 2, 12))):
                inner = self.chance.choice(
                    ([inner], {"all": [inner]}, {"except": inner}, {self.chance.choice(WORDS): inner})
                )
            holder[key] = inner

    def _piece(self) -> Any:
        return copy.deepcopy(self.chance.choice(self.pieces))

    @staticmethod
    def _put(holder: Any, key: Any, value: Any) -> None:
        if isinstance(holder, dict):
            holder[key] = value
        else:
            holder.append(value)

    def step(self, seed: int) -> None:
        """Try the damaged input of this seed; raises AssertionError or whatever the code under test raised."""
        self.chance.seed(seed)
        self.counts["tried"] += 1
        if self.chance.random() < 0.3:
            self.counts["texts"] += 1
            try:
                given: list[Any] = list(load_documents(self.text()))
            except DocumentError as error:
                self._refused("text refused", error)
                return
        else:
            given = self.documents()
        self.judge(given)

    def judge(self, given: list[Any]) -> None:
        try:
            rules = read_documents(given)
        except DocumentError as error:
            self._refused("refused", error)
            return
        self.counts["read"] += 1
        assert read_documents(default_documents(rules)) == rules
        assert read_documents(json.loads(canonical_json(given))) == rules
        for remark in remarks(rules, KNOWN):
            assert remark.path and remark.say("ru") and remark.mend("en")
            self.counts["remarks"] += 1
        try:
            image = compile_ruleset(rules.promotions, rules.assets, rules.limits, rules.roundings, version=1)
        except CompileError as error:
            assert error.path and error.message, error
            self.counts["contradictory"] += 1
            return
        outcome = evaluate(Ruleset(image), copy.deepcopy(RECEIPT), {}, {"customer_id": 1}, (0, 0, 0), True)
        totals = outcome["totals"]
        assert totals["gross_minor"] == totals["to_pay_minor"] + totals["discount_minor"] + totals["points_paid_minor"]
        self.counts["calculated"] += 1

    def _refused(self, what: str, error: DocumentError) -> None:
        self.counts[what] += 1
        assert error.problems
        for problem in error.problems:
            assert problem.path and problem.path.isprintable(), problem
            assert problem.message and problem.message.isprintable(), problem


def _inner(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _inner(inner)


def _containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _containers(inner)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    end = time.monotonic() + asked.seconds
    fuzz = Fuzz()
    for seed in count(asked.seed * 1_000_000):
        try:
            fuzz.step(seed)
        except Exception:
            traceback.print_exc()
            print(f"the document is that of Fuzz().step({seed})", file=sys.stderr)
            return 1
        if time.monotonic() >= end:
            break
    print(json.dumps(dict(fuzz.counts)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

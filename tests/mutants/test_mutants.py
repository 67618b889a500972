"""Mutants stay plantable: each finds its place in the sources. `make mutants` proves that they are caught."""

from __future__ import annotations

import pytest

from tests.mutants.__main__ import ROOT
from tests.mutants.mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_finds_its_place_once(mutant: Mutant) -> None:
    assert (ROOT / mutant.module).read_text(encoding="utf-8").count(mutant.old) == 1
    assert mutant.new != mutant.old


def test_mutants_have_names_of_their_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 20

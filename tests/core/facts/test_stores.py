"""Stores by id, with their own wall clock."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.facts import Stores, Zones
from altyn.core.facts.stores import StoreFact

HOUR_US = 3_600_000_000
IDS = st.text(min_size=1, max_size=8)
ATTRIBUTES = st.sampled_from(["", "north", "юг"])
STORES = st.builds(
    StoreFact,
    IDS,
    st.sampled_from(["A", "B"]),
    ATTRIBUTES,
    ATTRIBUTES,
    ATTRIBUTES,
    st.sampled_from(["RUB", "KZT"]),
    st.integers(0, 4),
)


def two_zones() -> Zones:
    zones = Zones()
    zones.define("A", 3 * HOUR_US, [])
    zones.define("B", HOUR_US, [(100 * HOUR_US, 2 * HOUR_US)])
    return zones


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), STORES), max_size=40))
def test_stores_after_any_changes_equal_a_dictionary(changes: list[tuple[bool, StoreFact]]) -> None:
    stores, model = Stores(two_zones()), {}
    for is_removed, store in changes:
        if is_removed:
            assert stores.remove(store.store_id) == (model.pop(store.store_id, None) is not None)
        else:
            stores.upsert(store)
            model[store.store_id] = store
    assert len(stores) == len(model)
    for _, store in changes:
        assert stores.get(store.store_id) == model.get(store.store_id)


def test_wall_clock_of_a_store_is_that_of_its_zone() -> None:
    stores = Stores(two_zones())
    stores.upsert(StoreFact("1", "A"))
    stores.upsert(StoreFact("2", "B"))
    assert stores.wall_clock_at("1", 100 * HOUR_US) == (103 * HOUR_US, 0, 0)
    assert stores.wall_clock_at("2", 100 * HOUR_US) == (102 * HOUR_US, 101 * HOUR_US, HOUR_US)
    stores.upsert(StoreFact("2", "A"))
    assert stores.wall_clock_at("2", 100 * HOUR_US) == (103 * HOUR_US, 0, 0)
    with pytest.raises(KeyError):
        stores.wall_clock_at("3", 0)


@pytest.mark.parametrize(
    ("store", "error"),
    [
        (StoreFact("1", "Nowhere"), KeyError),
        (StoreFact("", "A"), ValueError),
        (StoreFact("x" * 65, "A"), ValueError),
        (StoreFact("1", "A", region="r" * 65), ValueError),
        (StoreFact("1", "A", currency="RUBL"), ValueError),
        (StoreFact("1", "A", exponent=5), ValueError),
    ],
)
def test_store_out_of_range_is_refused_and_the_former_one_stays(store: StoreFact, error: type[Exception]) -> None:
    stores = Stores(two_zones())
    stores.upsert(StoreFact("1", "A", "north"))
    with pytest.raises(error):
        stores.upsert(store)
    assert stores.get("1") == StoreFact("1", "A", "north")
    assert len(stores) == 1

"""What changed between two sets of documents is found by meaning."""

from __future__ import annotations

from altyn.core.rules.compare import Change, DocumentChange, PathChange, compare
from altyn.core.rules.definition import load_documents, read_documents

BEFORE = """
[{asset: a},
 {promotion: kept, stage: item, reward: [{percent: {rate: 5.0, of: {sku: [x, y]}}}]},
 {promotion: changed, stage: item, when: {store: {region: msk}}, reward: [{percent: {rate: 5}}]},
 {promotion: gone, stage: item, reward: [{percent: {rate: 5}}]}]
"""
AFTER = """
[{promotion: new, stage: item, reward: [{percent: {rate: 5}}]},
 {reward: [{percent: {of: {sku: [y, x]}, rate: 5}}], priority: 100, stage: item, promotion: kept},
 {promotion: changed, stage: item, cost_floor: true, when: {store: {region: [msk, spb]}},
  reward: [{percent: {rate: 7}}]},
 {asset: a, step: 1}]
"""


def changes(before: str, after: str) -> list[DocumentChange]:
    return compare(read_documents(load_documents(before)), read_documents(load_documents(after)))


def test_changes_name_documents_and_places() -> None:
    assert changes(BEFORE, AFTER) == [
        DocumentChange(Change.CHANGED, "asset", "a", (PathChange("step", "0.01", "1.00"),)),
        DocumentChange(
            Change.CHANGED,
            "promotion",
            "changed",
            (
                PathChange("when.store.region.any_of", "[msk]", "[msk, spb]"),
                PathChange("reward[0].percent.rate", "5", "7"),
                PathChange("cost_floor", "false", "true"),
            ),
        ),
        DocumentChange(Change.REMOVED, "promotion", "gone"),
        DocumentChange(Change.ADDED, "promotion", "new"),
    ]


def test_condition_added_to_a_promotion_is_a_change_from_nothing() -> None:
    before = "{promotion: p, stage: item, reward: [{percent: {rate: 5}}]}"
    after = "{promotion: p, stage: item, when: {coupon: {code: x}}, reward: [{percent: {rate: 5}}]}"
    assert changes(before, after) == [
        DocumentChange(Change.CHANGED, "promotion", "p", (PathChange("when.coupon.code", None, "X"),))
    ]


def test_same_documents_have_no_changes() -> None:
    assert changes(AFTER, AFTER) == []

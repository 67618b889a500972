"""Points decided again on what is left, against the reference (semantics §6.7.3, §6.7.9, §6.11.26)."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.cli.verify.taken_back import wrongs_of
from altyn.core.engine import calculate_receipt, commit_receipt, replay, return_receipt, same_taking
from altyn.core.engine.types import Lookup
from altyn.core.ledger.image import state_digest
from altyn.core.ledger.view import read_balances
from altyn.core.rules.compile import compile_ruleset
from altyn.core.rules.definition import read_documents
from altyn.core.rules.ruleset import Ruleset
from altyn.journal.v1 import record_pb2 as journal
from altyn.pos.v1 import pos_service_pb2 as pos
from tests.core.engine.returns import give_back, refund
from tests.core.engine.world import DOCUMENT_SHA256, NOW_US, SCOPE, World, commit, line, new_engine, receipt
from tests.reference.oracle import calculate
from tests.reference.returns_again import cancelled, is_refused

OK, DECLINED, PARTIAL_RETURN_FORBIDDEN = 1, 2, 78
SKUS = ("loaf", "milk", "tea")
STORE = {"store_id": "s1", "zone": "Europe/Moscow", "region": "msk", "format": "super", "cluster": ""}
CUSTOMER = {"customer_id": "7", "card_type": "plastic", "card_state": "ACTIVE", "segments": []}

sums = st.builds(
    lambda base, least: {"receipt_sum": {"base": base, "from": f"{least}.00"}},
    st.sampled_from(["GROSS", "RUNNING", "NET", "STAGE_ENTRY"]),
    st.integers(1, 900),
)
quantities = st.builds(
    lambda sku, least: {"quantity": {"of": {"sku": sku}, "from": str(least)}}, st.sampled_from(SKUS), st.integers(1, 4)
)
conditions = st.one_of(sums, quantities, quantities.map(lambda one: {"none": [one]}))
policies = st.sampled_from(["KEEP", "READJUDICATE", "READJUDICATE"])
goods = st.one_of(st.just({}), st.sampled_from(SKUS).map(lambda sku: {"of": {"sku": sku}}))
amounts = st.one_of(
    st.integers(1, 20).map(lambda rate: {"percent": str(rate)}), st.integers(1, 60).map(lambda n: {"fixed": str(n)})
)
groups = st.sampled_from([{}, {}, {"group": {"name": "g", "mode": "BEST"}}, {"group": {"name": "h", "mode": "FIRST"}}])


@st.composite
def documents(draw: st.DrawFn) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    if draw(st.booleans()):
        rate = {"percent": {"rate": str(draw(st.integers(1, 60))), **draw(goods)}}
        policy = draw(st.sampled_from(["KEEP", "FORBID_PARTIAL"]))
        made.append({"promotion": "off", "stage": "item", "on_return": policy, "reward": [rate]})
    for number in range(draw(st.integers(1, 4))):
        points = {"asset": "bonus", **draw(amounts), **draw(goods)}
        one = {"promotion": f"p{number}", "on_return": draw(policies), "reward": [{"points": points}], **draw(groups)}
        if draw(st.booleans()):
            one["when"] = draw(conditions)
        if draw(st.integers(0, 3)) == 0:
            one["limits"] = [{"per": "customer", "window": "day", "points": str(draw(st.integers(1, 40)))}]
        made.append(one)
    return made


quantity = st.sampled_from([1000, 1000, 2000, 3000, 4000, 1234])
baskets = st.lists(st.tuples(st.sampled_from(SKUS), st.integers(1, 30_000), quantity), min_size=1, max_size=5)


def ruleset_of(made: list[dict[str, Any]]) -> Ruleset:
    rules = read_documents(made)
    return Ruleset(compile_ruleset(rules.promotions, rules.assets, version=2))


def new_world(made: list[dict[str, Any]]) -> World:
    engine = new_engine()
    engine.take_ruleset(ruleset_of(made), DOCUMENT_SHA256, 1)
    return World(engine)


def active(world: World) -> int:
    return read_balances(world.engine.book, 70, NOW_US).get(1, (0, 0, 0, 0))[0]


def is_declined(world: World, of: Any) -> bool:
    request = pos.CalculateReceiptRequest(receipt=of).SerializeToString()
    lookup = calculate_receipt(world.engine, request, SCOPE, NOW_US)
    assert isinstance(lookup, Lookup)
    reply = calculate_receipt(world.engine, request, SCOPE, NOW_US, world.known(lookup))
    assert isinstance(reply, bytes)
    told = pos.CalculateReceiptResponse.FromString(reply)
    assert told.reason == (PARTIAL_RETURN_FORBIDDEN if told.status == DECLINED else 0)
    return told.status == DECLINED


@given(documents(), baskets, st.data())
@settings(max_examples=120, deadline=None)
def test_any_partition_cancels_what_the_reference_says_and_ends_in_one_whole_return(
    made: list[dict[str, Any]], basket: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    world, whole = new_world(made), new_world(made)
    lines = [line(n, sku, price, qty) for n, (sku, price, qty) in enumerate(basket, 1)]
    for one in (world, whole):
        one.effect(commit_receipt, commit(receipt(*lines), one.next_seq()))
    plain = {
        "lines": [
            {"line_no": n, "sku": sku, "price_minor": price, "qty_milli": qty, "group_id": group_of(sku)}
            for n, (sku, price, qty) in enumerate(basket, 1)
        ]
    }
    facts = {"store": STORE, "customer": CUSTOMER, "at": NOW_US}
    result = calculate(made, plain, **facts)
    earned = sum(lot["points"] for lot in result["lots"])
    assert active(world) == earned
    left = {n: qty for n, (_, _, qty) in enumerate(basket, 1)}
    back: dict[int, int] = {}
    number = 900
    while left:
        number += 1
        part = {
            n: data.draw(st.integers(1, left[n])) for n in data.draw(st.sets(st.sampled_from(sorted(left)), min_size=1))
        }
        if number > 906:
            part = dict(left)
        before, back = dict(back), {n: back.get(n, 0) + part.get(n, 0) for n in {*back, *part}}
        asked = refund(*part.items(), number=number)
        assert is_declined(world, asked) == is_refused(made, plain, result, before, back)
        told = world.effect(return_receipt, give_back(asked, world.next_seq()))
        assert pos.ReturnReceiptResponse.FromString(told).status == OK
        assert active(world) == earned - cancelled(made, plain, result, back, **facts).get("bonus", 0)
        left = {n: qty - part.get(n, 0) for n, qty in left.items() if qty > part.get(n, 0)}
    everything = refund(*((n, qty) for n, (_, _, qty) in enumerate(basket, 1)), number=900)
    whole.effect(return_receipt, give_back(everything, whole.next_seq()))
    assert active(world) == active(whole) == 0
    assert replayed_digest(world, made) == state_digest(world.engine.book)
    rules = ruleset_of(made)
    for body in (record.body for record in world.records[1:]):
        assert list(wrongs_of(journal.Record.FromString(body))) == []
        assert same_taking(body, rules)


def group_of(sku: str) -> str:
    return {"loaf": "bread", "milk": "dairy"}.get(sku, "")


def replayed_digest(world: World, made: list[dict[str, Any]]) -> bytes:
    again = new_world(made)
    for record in world.records:
        replay(again.engine, record.seq, record.body)
    return state_digest(again.engine.book)

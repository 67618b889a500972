"""The step function over a small world: what each call answers, stores and changes."""

from __future__ import annotations

import pytest

from altyn.core.engine import (
    Answer,
    CallRefused,
    Known,
    Lookup,
    Scope,
    adjust_points,
    authorize_customer,
    calculate_receipt,
    cancel_receipt,
    commit_receipt,
    expire_holds,
    get_balance,
    get_operation,
    reserve_receipt,
)
from altyn.core.ledger.image import state_digest
from altyn.core.rules.ruleset import Ruleset
from altyn.journal.v1 import record_pb2 as journal
from altyn.ops.v1 import ops_service_pb2 as ops
from altyn.pos.v1 import pos_service_pb2 as pos
from altyn.pos.v1 import receipt_pb2
from tests.core.engine.world import (
    DOCUMENT_SHA256,
    NOW_US,
    SCOPE,
    World,
    basket,
    cancel,
    commit,
    image,
    line,
    new_op_id,
    new_world,
    receipt,
    replayed,
    reserve,
)

MINUTE_US = 60_000_000


@pytest.fixture
def world() -> World:
    return new_world()


def calculated(
    world: World, of: receipt_pb2.Receipt, clock_us: int = NOW_US, explain: bool = False
) -> pos.CalculateReceiptResponse:
    request = pos.CalculateReceiptRequest(receipt=of, want=receipt_pb2.Want(explain=explain))
    return pos.CalculateReceiptResponse.FromString(
        calculate_receipt(world.engine, request.SerializeToString(), SCOPE, clock_us)
    )


def committed(world: World, request: bytes, clock_us: int = NOW_US) -> pos.CommitReceiptResponse:
    return pos.CommitReceiptResponse.FromString(world.effect(commit_receipt, request, clock_us))


def active_points(world: World, account_id: int = 70, clock_us: int = NOW_US) -> int:
    answer = get_balance(world.engine, ops.GetBalanceRequest(account_id=account_id).SerializeToString(), clock_us)
    return sum(balance.active_points for balance in ops.GetBalanceResponse.FromString(answer.reply).balances)


def test_calculate_member_basket_gives_discount_and_points(world: World) -> None:
    reply = calculated(world, basket())
    totals = reply.outcome.totals
    assert reply.status == 1
    assert (totals.gross_minor, totals.discount_minor, totals.to_pay_minor) == (15000, 500, 14500)
    assert [(given.asset, given.points) for given in totals.accrual] == [("bonus", 145)]
    assert reply.calc_token


def test_calculate_any_number_of_times_changes_nothing(world: World) -> None:
    before = state_digest(world.engine.book)
    for number in range(1, 20):
        calculated(world, basket(number))
    assert state_digest(world.engine.book) == before
    assert world.engine.last_seq == 0


def test_calculate_without_card_gives_no_points(world: World) -> None:
    reply = calculated(world, basket(card=""))
    assert not reply.outcome.totals.accrual
    assert not reply.outcome.lines[0].accrual


def test_calculate_blocked_card_sells_without_benefits_and_tells_the_cashier(world: World) -> None:
    reply = calculated(world, basket(card="1002"))
    assert reply.outcome.totals.to_pay_minor == 14500
    assert not reply.outcome.totals.accrual
    assert [message.language for message in reply.outcome.messages] == ["en", "ru"]


def test_calculate_unknown_sku_still_sells(world: World) -> None:
    assert calculated(world, receipt(line(1, "nobody-knows", 900))).outcome.totals.to_pay_minor == 900


def test_calculate_till_sum_off_by_more_than_a_kopeck_is_declined(world: World) -> None:
    wrong = line(1, "loaf", 5000)
    wrong.gross_minor = 4998
    reply = calculated(world, receipt(wrong))
    assert (reply.status, list(reply.refused_lines)) == (2, [1])


@pytest.mark.parametrize(
    ("scope", "field"),
    [(Scope("demo", "s2", "r1"), "receipt.store_id"), (Scope("demo", "s1", "r9"), "receipt.register_id")],
)
def test_calculate_with_a_foreign_credential_is_refused(world: World, scope: Scope, field: str) -> None:
    request = pos.CalculateReceiptRequest(receipt=basket()).SerializeToString()
    with pytest.raises(CallRefused) as refused:
        calculate_receipt(world.engine, request, scope, NOW_US)
    assert (refused.value.code, refused.value.reason, refused.value.field) == (
        "PERMISSION_DENIED",
        "FOREIGN_REGISTER",
        field,
    )


def test_calculate_bytes_that_are_no_message_are_refused(world: World) -> None:
    with pytest.raises(CallRefused) as refused:
        calculate_receipt(world.engine, b"\x22\xff", SCOPE, NOW_US)
    assert (refused.value.code, refused.value.reason) == ("INVALID_ARGUMENT", "MALFORMED")


def test_calculate_wrong_currency_is_refused_by_name(world: World) -> None:
    wrong = basket()
    wrong.currency = "EUR"
    with pytest.raises(CallRefused) as refused:
        calculated(world, wrong)
    assert (refused.value.reason, refused.value.field) == ("WRONG_CURRENCY", "receipt.currency")


def test_commit_books_points_and_replay_gives_the_same_book(world: World) -> None:
    reply = committed(world, commit(basket(), world.next_seq()))
    assert (reply.status, reply.seq) == (1, 1)
    assert active_points(world) == 145
    again = replayed(world)
    assert state_digest(again.book) == state_digest(world.engine.book)
    assert (again.last_seq, again.last_instant_us) == (1, NOW_US)


def test_commit_repeated_gives_the_same_bytes_and_one_effect(world: World) -> None:
    request = commit(basket(), world.next_seq())
    first = world.effect(commit_receipt, request)
    assert world.effect(commit_receipt, request, NOW_US + MINUTE_US) == first
    assert (len(world.records), active_points(world)) == (1, 145)


def test_commit_repeated_after_restart_gives_the_same_bytes(world: World) -> None:
    request = commit(basket(), world.next_seq())
    first = world.effect(commit_receipt, request)
    again = World(replayed(world), world.records)
    assert again.effect(commit_receipt, request) == first
    assert len(world.records) == 1


def test_commit_same_id_other_content_is_a_conflict(world: World) -> None:
    op_id = new_op_id()
    committed(world, commit(basket(), 1, op_id))
    reply = committed(world, commit(basket(number=2), 2, op_id))
    assert (reply.status, reply.reason) == (3, 3)
    assert len(world.records) == 1


def test_commit_new_id_same_receipt_same_content_gives_the_stored_answer(world: World) -> None:
    first = world.effect(commit_receipt, commit(basket(), 1))
    assert world.effect(commit_receipt, commit(basket(), 2)) == first
    assert active_points(world) == 145


def test_commit_new_id_same_receipt_other_content_is_quarantined(world: World) -> None:
    committed(world, commit(basket(), 1))
    reply = committed(world, commit(receipt(line(1, "milk", 99900)), 2))
    assert (reply.status, list(reply.exceptions)) == (4, [22])
    assert active_points(world) == 145
    assert world.records[1].natural_key is None
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)


def test_commit_with_token_keeps_the_shown_price_when_rules_change(world: World) -> None:
    token = calculated(world, basket()).calc_token
    world.engine.take_ruleset(
        Ruleset(image("promotion: nothing\nstage: item\nreward: [{percent: {rate: 1, of: {sku: none}}}]", version=2)),
        DOCUMENT_SHA256,
        0,
    )
    assert calculated(world, basket()).outcome.totals.to_pay_minor == 15000
    reply = committed(world, commit(basket(), 1, token=token))
    assert (reply.outcome.totals.to_pay_minor, reply.outcome.rules_version) == (14500, 1)


@pytest.mark.parametrize("size", [0, 1, 40, *range(95, 130), 200])
@pytest.mark.parametrize(
    ("changed", "kept"),
    [("nothing", True), ("cashier_id", True), ("receipt_number", True), ("a line", False), ("the last line", False)],
)
def test_price_shown_is_kept_for_the_same_goods_whatever_their_fields_measure(
    world: World, size: int, changed: str, kept: bool
) -> None:
    """A field of 128 bytes has a length of two."""
    shown = basket()
    shown.lines[0].mark_code = "m" * size
    shown.fiscal.document = "d" * (size % 64)
    token = calculated(world, shown).calc_token
    later = image("promotion: nothing\nstage: item\nreward: [{percent: {rate: 1, of: {sku: none}}}]", version=2)
    world.engine.take_ruleset(Ruleset(later), DOCUMENT_SHA256, 0)
    if changed == "cashier_id":
        shown.cashier_id = "another"
    elif changed == "receipt_number":
        shown.receipt_number += 1
    elif changed == "a line":
        shown.lines[0].mark_code += "."
    elif changed == "the last line":
        shown.lines[-1].vat_code += 1
    assert committed(world, commit(shown, 1, token=token)).outcome.rules_version == (1 if kept else 2)


def test_commit_with_token_older_than_its_time_out_uses_the_rules_in_force(world: World) -> None:
    token = calculated(world, basket()).calc_token
    world.engine.take_ruleset(
        Ruleset(image("promotion: nothing\nstage: item\nreward: [{percent: {rate: 1, of: {sku: none}}}]", version=2)),
        DOCUMENT_SHA256,
        0,
    )
    reply = committed(world, commit(basket(), 1, token=token), NOW_US + 16 * MINUTE_US)
    assert reply.outcome.rules_version == 2


def test_emergency_release_ends_older_tokens(world: World) -> None:
    token = calculated(world, basket()).calc_token
    stop = image("promotion: nothing\nstage: item\nreward: [{percent: {rate: 1, of: {sku: none}}}]", version=2)
    world.engine.take_ruleset(Ruleset(stop), DOCUMENT_SHA256, 0, True)
    assert committed(world, commit(basket(), 1, token=token)).outcome.rules_version == 2


def test_release_is_in_force_from_its_moment(world: World) -> None:
    later = image("promotion: nothing\nstage: item\nreward: [{percent: {rate: 1, of: {sku: none}}}]", version=2)
    world.engine.take_ruleset(Ruleset(later), DOCUMENT_SHA256, NOW_US + MINUTE_US)
    assert calculated(world, basket()).outcome.rules_version == 1
    assert calculated(world, basket(), NOW_US + MINUTE_US).outcome.rules_version == 2


def test_damaged_image_is_refused_and_the_rules_in_force_stay(world: World) -> None:
    broken = bytearray(image(version=2))
    broken[-1] ^= 1
    with pytest.raises(ValueError):
        world.engine.take_ruleset(Ruleset(bytes(broken)), DOCUMENT_SHA256, 0)
    assert calculated(world, basket()).outcome.rules_version == 1


def test_release_without_its_documents_hash_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        world.engine.take_ruleset(Ruleset(image(version=2)), b"", 0)
    assert calculated(world, basket()).outcome.rules_version == 1


def test_repeat_gets_the_stored_answer_though_the_store_now_counts_in_another_currency(world: World) -> None:
    op_id = new_op_id()
    first = world.effect(commit_receipt, commit(basket(), 1, op_id))
    stores = world.engine.facts.stores
    stores.upsert(stores.get("s1")._replace(currency="EUR"))
    assert world.effect(commit_receipt, commit(basket(), 1, op_id)) == first
    with pytest.raises(CallRefused, match="currency"):
        world.effect(commit_receipt, commit(basket(number=2), 2))


def test_reserve_then_commit_posts_the_hold(world: World) -> None:
    token = calculated(world, basket()).calc_token
    held = pos.ReserveReceiptResponse.FromString(world.effect(reserve_receipt, reserve(basket(), 1, token=token)))
    assert (held.status, held.hold_expires_at_us) == (1, NOW_US + 15 * MINUTE_US)
    assert world.engine.book.holds_count == 1
    assert committed(world, commit(basket(), 2, token=token)).status == 1
    assert world.engine.book.holds_count == 0
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)


def test_reserve_when_the_shown_price_no_longer_holds_is_declined(world: World) -> None:
    token = calculated(world, basket()).calc_token
    world.engine.facts.directory.remove_card(card_of(world))
    held = pos.ReserveReceiptResponse.FromString(world.effect(reserve_receipt, reserve(basket(), 1, token=token)))
    assert (held.status, held.reason) == (2, 2)
    assert world.engine.book.holds_count == 0


def card_of(world: World) -> bytes:
    from altyn.core.engine.identity import card_hash
    from tests.core.engine.world import PEPPER

    return card_hash(PEPPER, "1001")


def test_second_reserve_replaces_the_first(world: World) -> None:
    world.effect(reserve_receipt, reserve(basket(), 1))
    world.effect(reserve_receipt, reserve(basket(), 2, op_no=1))
    assert world.engine.book.holds_count == 1


def test_hold_expires_by_itself_once(world: World) -> None:
    world.effect(reserve_receipt, reserve(basket(), 1))
    assert expire_holds(world.engine, NOW_US + 14 * MINUTE_US, 10) == []
    records = expire_holds(world.engine, NOW_US + 16 * MINUTE_US, 10)
    world.records += records
    assert [record.kind for record in records] == [6]
    assert expire_holds(world.engine, NOW_US + 17 * MINUTE_US, 10) == []
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)
    assert committed(world, commit(basket(), 2), NOW_US + 18 * MINUTE_US).status == 1


def test_cancel_before_its_reserve_declines_it_and_quarantines_the_commit(world: World) -> None:
    assert pos.CancelReceiptResponse.FromString(world.effect(cancel_receipt, cancel(1, 2))).status == 1
    held = pos.ReserveReceiptResponse.FromString(world.effect(reserve_receipt, reserve(basket(), 1)))
    assert (held.status, held.reason) == (2, 4)
    reply = committed(world, commit(basket(), 3))
    assert (reply.status, list(reply.exceptions)) == (4, [23])
    assert active_points(world) == 0
    again = World(replayed(world), world.records)
    assert committed(again, commit(basket(), 3, new_op_id())).status == 4


def test_cancel_of_a_reserved_receipt_frees_the_hold(world: World) -> None:
    world.effect(reserve_receipt, reserve(basket(), 1))
    world.effect(cancel_receipt, cancel(1, 2))
    assert world.engine.book.holds_count == 0


def test_get_operation_tells_the_stored_answer_only_to_its_register(world: World) -> None:
    op_id = new_op_id()
    first = world.effect(commit_receipt, commit(basket(), 1, op_id))
    asked = pos.GetOperationRequest(op_id=op_id, store_id="s1", register_id="r1").SerializeToString()
    reply = pos.GetOperationResponse.FromString(world.effect(get_operation, asked))
    assert (reply.reply, reply.kind, reply.seq, reply.reason) == (first, 2, 1, 0)
    other = pos.GetOperationRequest(op_id=op_id, store_id="s1", register_id="r2").SerializeToString()
    foreign = pos.GetOperationResponse.FromString(world.effect(get_operation, other, scope=Scope("demo", "s1", "r2")))
    assert (foreign.reply, foreign.reason) == (b"", 21)


def test_journal_record_holds_no_card_number_and_no_unknown_code(world: World) -> None:
    secret = basket(card="4444555566667777")
    secret.coupons.add(code="SECRET-CODE")
    committed(world, commit(secret, 1))
    body = world.records[0].body
    assert b"4444555566667777" not in body
    assert b"SECRET-CODE" not in body
    record = journal.Record.FromString(body)
    assert record.request.receipt.coupons[0].code.startswith("#")
    assert not record.request.receipt.HasField("identity")


def test_record_carries_what_the_decision_read(world: World) -> None:
    committed(world, commit(basket(), 1))
    record = journal.Record.FromString(world.records[0].body)
    assert record.evidence.store.region == "msk"
    assert record.evidence.customer.account_id == 70
    assert [(facts.line_no, facts.group_id) for facts in record.evidence.lines] == [(1, "bread"), (2, "dairy")]
    assert record.evidence.rules_sha256.hex() == world.engine.rules_sha256
    assert record.evidence.document_sha256 == DOCUMENT_SHA256
    assert sum(posting.points for entry in record.effects.entries for posting in entry.postings) == 0


def test_commit_payments_that_differ_are_an_exception_not_a_refusal(world: World) -> None:
    paid = basket()
    paid.payments.add(type=receipt_pb2.PAYMENT_TYPE_CASH, sum_minor=1)
    reply = committed(world, commit(paid, 1))
    assert (reply.status, list(reply.exceptions)) == (1, [27])


def test_instant_never_goes_back(world: World) -> None:
    committed(world, commit(basket(), 1))
    committed(world, commit(basket(number=2), 2), NOW_US - 5 * MINUTE_US)
    assert [record.instant_us for record in world.records] == [NOW_US, NOW_US]


def test_authorize_known_card_tells_balances_and_segments(world: World) -> None:
    committed(world, commit(basket(), 1))
    asked = pos.AuthorizeCustomerRequest(store_id="s1", register_id="r1")
    asked.identity.kind = receipt_pb2.TOKEN_KIND_CARD
    asked.identity.value = "1001"
    answer = authorize_customer(world.engine, asked.SerializeToString(), SCOPE, NOW_US)
    reply = pos.AuthorizeCustomerResponse.FromString(answer.reply)
    assert (reply.status, reply.customer_id, reply.card_last4) == (1, 7, "1001")
    assert [(balance.asset, balance.active_points, balance.scale) for balance in reply.balances] == [("bonus", 145, 2)]
    assert answer.seq == 1


def test_adjust_points_happens_once_per_op_id(world: World) -> None:
    request = ops.AdjustPointsRequest(
        op_id=new_op_id(), account_id=70, asset="bonus", points=500, reason="apology", actor="anna"
    )
    first = world.effect(adjust_points, request.SerializeToString())
    assert world.effect(adjust_points, request.SerializeToString()) == first
    assert ops.AdjustPointsResponse.FromString(first).applied
    assert active_points(world) == 500
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)


@pytest.mark.parametrize(
    ("event", "kind", "giver"),
    [
        ("birthday", journal.ENTRY_KIND_ACCRUAL, journal.SYSTEM_ACCOUNT_ISSUED),
        ("", journal.ENTRY_KIND_ADJUSTMENT, journal.SYSTEM_ACCOUNT_ADJUSTED),
    ],
)
def test_points_of_an_event_are_issued_and_those_by_hand_are_adjusted(
    world: World, event: str, kind: int, giver: int
) -> None:
    request = ops.AdjustPointsRequest(
        op_id=new_op_id(), account_id=70, asset="bonus", points=500, reason="birthday", event=event
    )
    assert ops.AdjustPointsResponse.FromString(world.effect(adjust_points, request.SerializeToString())).applied
    record = journal.Record.FromString(world.records[-1].body)
    [entry] = record.effects.entries
    assert (record.request.adjustment.event, entry.kind) == (event, kind)
    assert [(one.account_id, one.points) for one in entry.postings] == [(70, 500), (-giver, -500)]
    assert active_points(world) == 500
    assert state_digest(replayed(world).book) == state_digest(world.engine.book)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("points", 0),
        ("points", -(10**12) - 1),
        ("account_id", 0),
        ("reason", ""),
        ("asset", "gold"),
        ("event", "e" * 65),
    ],
)
def test_adjust_points_out_of_range_names_the_field(world: World, field: str, value: object) -> None:
    fields = {
        "op_id": new_op_id(),
        "account_id": 70,
        "asset": "bonus",
        "points": 500,
        "reason": "apology",
        field: value,
    }
    with pytest.raises(CallRefused) as refused:
        world.effect(adjust_points, ops.AdjustPointsRequest(**fields).SerializeToString())
    assert refused.value.field == field


def test_event_takes_no_points(world: World) -> None:
    request = ops.AdjustPointsRequest(
        op_id=new_op_id(), account_id=70, asset="bonus", points=-1, reason="birthday", event="birthday"
    )
    with pytest.raises(CallRefused) as refused:
        world.effect(adjust_points, request.SerializeToString())
    assert refused.value.field == "points"


def test_many_commits_stay_certain_without_asking_the_journal(world: World) -> None:
    for number in range(1, 200):
        answer = commit_receipt(world.engine, commit(basket(number), number), SCOPE, NOW_US + number, None)
        assert answer.record is not None and answer.record.seq == number
    assert active_points(world, clock_us=NOW_US + 1000) == 145 * 199


def test_two_lookups_of_one_receipt_admit_it_once() -> None:
    """Both were told "not in the journal" before either was admitted; the second must ask again, not be new."""
    world = new_world()
    first, second = commit(basket(), 0), commit(basket(), 0)
    nothing = Known(None, None)
    answer = commit_receipt(world.engine, first, SCOPE, NOW_US, nothing)
    assert isinstance(answer, Answer) and answer.record is not None
    world.records.append(answer.record)
    asked_again = commit_receipt(world.engine, second, SCOPE, NOW_US, nothing)
    assert isinstance(asked_again, Lookup)
    assert asked_again.after_seq == 1
    settled = commit_receipt(world.engine, second, SCOPE, NOW_US, world.known(asked_again))
    assert isinstance(settled, Answer)
    assert (settled.reply, settled.record) == (answer.reply, None)

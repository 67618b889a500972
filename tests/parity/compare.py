"""One generated case through the core and through the independent oracle, compared in everything both tell.

The two spell some things apart (customer ids are numbers in the core, a code entered twice is one code to the
oracle); what is turned here is spelling only, never an amount.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from altyn.core.evaluate import ReceiptError
from altyn.core.facts import Zones
from altyn.core.rules.definition import Code, DocumentError
from altyn.infra.zones import ensure_zone
from tests.parity.engine import AWAITED, WIDTH_MAX, evaluate_case, ruleset_of
from tests.reference import calculate
from tests.reference.generator import Case, generate

__all__ = ["compare", "compare_case", "differences"]

_ZONES = Zones()


@cache
def zone_number(name: str) -> int:
    return ensure_zone(_ZONES, name)


def run_core(case: Case, width: int = 1) -> dict[str, Any]:
    """The core's outcome in the oracle's shape."""
    ruleset = ruleset_of(prepared(case, case.rules_documents))
    customer, clock = core_customer(case), core_clock(case)
    try:
        outcome = evaluate_case(ruleset, case, customer, clock, True)
        served = evaluate_case(ruleset, case, customer, clock, False)
    except ReceiptError as error:
        if error.code != "SUM_MISMATCH":
            raise
        return {"refused": "SUM_MISMATCH"}
    explained = {key: value for key, value in outcome.items() if key != "explain"}
    shape = as_oracle(outcome, spoken_rewards(case), members_of_optimal(case), width)
    # A place the oracle's shape has not, so that it is told as a difference of this case.
    return shape if explained == served else shape | {"explained, served": list(differences(explained, served))}


def prepared(case: Case, documents: list[Any]) -> list[Any]:
    """Documents of a case with numbers for customers."""
    numbers = customer_numbers(case)
    return [with_numbers(document, numbers) for document in documents]


def core_customer(case: Case) -> dict[str, Any] | None:
    """The customer as the core is told of it: by number, and nobody without an active card."""
    customer = case.customer
    if customer is None:
        return None
    state = str(customer.get("card_state", "")).removeprefix("CARD_STATE_")
    number = customer_numbers(case).get(customer.get("customer_id", ""), 0)
    return {**customer, "customer_id": number, "card_state": state} if state == "ACTIVE" else None


def core_clock(case: Case) -> tuple[int, int, int]:
    wall = _ZONES.wall_clock_at(zone_number(case.store["zone"]), case.at)
    return wall[0], wall[1], wall[2]


def spoken_rewards(case: Case) -> set[tuple[str, int]]:
    """Places of the rewards that only say or issue something, and of gifts beside others that give."""
    places = set()
    for document in case.rules_documents:
        kinds = [next(iter(reward)) for reward in document.get("reward", ())]
        quiet = SPOKEN if set(kinds) <= {*SPOKEN, "gift"} else (*SPOKEN, "gift")
        places |= {(document["promotion"], number) for number, kind in enumerate(kinds) if kind in quiet}
    return places


def members_of_optimal(case: Case) -> set[str]:
    """Promotions in groups of mode OPTIMAL, of which the oracle tells by how much they were beaten."""
    documents = [document for document in case.rules_documents if "promotion" in document]
    modes = group_modes(documents)
    return {one["promotion"] for one in documents if modes.get(group_name(one), "").startswith("OPTIMAL")}


def customer_numbers(case: Case) -> dict[str, int]:
    """A number for every customer id of the case."""
    found = set(ids_named(case.rules_documents))
    if case.customer is not None:
        found.add(case.customer.get("customer_id", ""))
    return {text: number for number, text in enumerate(sorted(found - {""}), start=1)}


def ids_named(part: Any, under: tuple[str, ...] = ()) -> Iterator[str]:
    if isinstance(part, str) and under[-2:] == ("customer", "id"):
        yield part
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from ids_named(value, under if key in ("any_of", "none_of") else (*under, key))
    elif isinstance(part, list):
        for value in part:
            yield from ids_named(value, under)


def with_numbers(part: Any, numbers: Mapping[str, int], under: tuple[str, ...] = ()) -> Any:
    if isinstance(part, str) and under[-2:] == ("customer", "id"):
        return str(numbers[part])
    if isinstance(part, Mapping):
        return {
            key: with_numbers(value, numbers, under if key in ("any_of", "none_of") else (*under, key))
            for key, value in part.items()
        }
    if isinstance(part, list):
        return [with_numbers(value, numbers, under) for value in part]
    return part


# Stages whose rows in the trace are no promotion's; what they take is compared line by line.
UNNAMED = ("POINTS", "ROUNDING")
# Rewards that give no amounts: what they say or issue is compared, their rows in the trace are not.
SPOKEN = ("message", "issue_coupon")


def as_oracle(
    outcome: dict[str, Any], spoken: set[tuple[str, int]], with_margin: set[str], width: int
) -> dict[str, Any]:
    """The core's outcome in the common shape."""
    totals = outcome["totals"]
    shape: dict[str, Any] = {
        "totals": {key: totals[key] for key in TOTALS}
        | {"accrual": {row["asset"]: row["points"] for row in totals["accrual"]}},
        "lines": sorted((core_line(line, width) for line in outcome["lines"]), key=lambda line: line["line_no"]),
        "coupons": [
            {
                "state": named(row["state"], "COUPON_STATE_"),
                "promotion_id": row["promotion_id"] if row["state"] == "COUPON_STATE_APPLIED" else "",
                "reason": invalid_reason(row),
            }
            for row in outcome["coupons"]
            if row["reason"] != "REASON_COUPON_ALREADY_ENTERED"
        ],
        "rules": [
            {
                "promotion_id": row["promotion_id"],
                "reward_no": row["reward_no"],
                "verdict": (verdict := named(row["verdict"], "VERDICT_")),
                "by": row["by_promotion_id"] if verdict in BY_ANOTHER else "",
                "given": row["points"] if row["asset"] else row["amount_minor"] - row["cut_minor"],
                "cut": row["cut_minor"],
                **{key: row[key] for key in REASON},
                "distance": row["distance"],
                "greedy": row["greedy"],
                "margin": row["margin_minor"] if row["promotion_id"] in with_margin else 0,
            }
            for row in outcome["explain"]["rules"]
            if (row["promotion_id"], row["reward_no"]) not in spoken and named(row["stage"], "STAGE_") not in UNNAMED
        ],
        "excess": "REASON_EXTERNAL_DISCOUNT_EXCESS" in outcome["flags"],
        "nudges": outcome["nudges"],
        "not_searched": "REASON_NOT_SEARCHED" in outcome["flags"],
    }
    shape["fiscal_plan"] = outcome["fiscal_plan"]
    shape["split_unavoidable"] = "REASON_SPLIT_UNAVOIDABLE" in outcome["flags"]
    if width > 1:
        shape["max_redeem"] = sorted(
            ({**row, "limited_by": named(row["limited_by"], "REASON_")} for row in outcome["max_redeem"]), key=by_text
        )
        shape["messages"] = sorted(
            ({**row, "channel": named(row["channel"], "CHANNEL_")} for row in outcome["messages"]), key=by_text
        )
        shape["issued"] = outcome["issued_coupons"]
        shape["gifts"] = [core_gift(row) for row in outcome.get("gifts", ())]
        shape["counters"] = core_counters(outcome)
        shape["reserve_required"] = outcome["reserve_required"]
    return shape


def core_gift(row: Mapping[str, Any]) -> dict[str, Any]:
    said = [{"language": one["language"], "text": one["text"]} for one in row["messages"]]
    return {**row, "messages": said}


# Verdicts that name another promotion; of a cut the core names the document of the cap there.
BY_ANOTHER = ("BEATEN", "EXCLUDED")
REASON = ("condition", "actual", "needed")


TOTALS = ("gross_minor", "discount_minor", "points_paid_minor", "to_pay_minor", "rounding_minor")
LINE = ("line_no", "gross_minor", "net_minor", "discount_minor")


def named(value: Any, prefix: str) -> str:
    return str(value or "").removeprefix(prefix)


def by_text(row: Any) -> str:
    """An order for rows whose own order is not compared."""
    return repr(sorted(row.items()))


def invalid_reason(row: Mapping[str, Any]) -> str:
    """Why a code of a series may not be used; the words for codes that merely did nothing are the core's own."""
    reason = named(row["reason"], "REASON_")
    return reason if row["state"] == "COUPON_STATE_INVALID" and reason != "COUPON_UNKNOWN" else ""


def core_line(line: Mapping[str, Any], width: int) -> dict[str, Any]:
    row: dict[str, Any] = {key: line[key] for key in LINE}
    row["discounts"] = [
        (one["promotion_id"], one["reward_no"], one["amount_minor"])
        for one in line["discounts"]
        if named(one.get("kind"), "DISCOUNT_KIND_") != "POINTS"
    ]
    row["accrual"] = {one["asset"]: one["points"] for one in line["accrual"]}
    if width > 1:
        row["points_paid_minor"] = line["points_paid_minor"]
        roles = line["participates_as"]
        row["participates_as"] = sorted(
            (one["promotion_id"], named(one["role"], "PARTICIPATION_ROLE_")) for one in roles
        )
    return row


def core_counters(outcome: Mapping[str, Any]) -> dict[str, int]:
    """Counter deltas as `promotion/measure/per/window`; a budget counts as the measure it stands for."""
    return {
        "/".join((row["promotion_id"], row["measure"], row["per"], row["window"])): row["delta"]
        for row in outcome["counters"]
    }


def oracle_shape(result: dict[str, Any], width: int) -> dict[str, Any]:
    """The oracle's result in the common shape."""
    if "refused" in result:
        return {"refused": result["refused"]}
    shape = {
        "totals": result["totals"],
        "lines": sorted((oracle_line(line, width) for line in result["lines"]), key=lambda line: line["line_no"]),
        "coupons": [
            {key: row.get(key, "") for key in ("state", "promotion_id", "reason")} for row in result["coupons"]
        ],
        "rules": [oracle_rule(row) for row in result["rules"]],
        "excess": sum(result["unplaced"].values()) > 0,
        "nudges": result["nudges"],
        "not_searched": result["not_searched"],
        "fiscal_plan": result["fiscal_plan"],
        "split_unavoidable": result["split_unavoidable"],
    }
    if width > 1:
        shape["max_redeem"] = sorted(result["max_redeem"], key=by_text)
        shape["messages"] = sorted(result["messages"], key=by_text)
        shape["issued"] = result["issued"]
        shape["gifts"] = result["gifts"]
        shape["counters"] = {"/".join(key): delta for key, delta in result["counters"].items()}
        shape["reserve_required"] = result["reserve_required"]
    return shape


def oracle_line(line: Mapping[str, Any], width: int) -> dict[str, Any]:
    row = {key: line[key] for key in (*LINE, "accrual")} | {"discounts": one_external(line["discounts"])}
    if width > 1:
        row["points_paid_minor"] = line["points_paid_minor"]
        row["participates_as"] = sorted(line["participates_as"])
    return row


def oracle_rule(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "promotion_id": row["promotion_id"],
        "reward_no": row["reward_no"],
        "verdict": row["verdict"],
        "by": row["by_promotion_id"],
        "given": row["points"] if "asset" in row else row["amount_minor"],
        "cut": 0 if "asset" in row else row["capped_minor"],
        **{key: row[key] for key in REASON},
        "distance": row["needed"] - row["actual"],
        "greedy": row.get("greedy", False),
        "margin": row.get("margin_minor", 0),
    }


def one_external(discounts: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    """The core knows only the sum of a line's external discounts."""
    rows: list[tuple[str, int, int]] = []
    external = sum(row["amount_minor"] for row in discounts if row["kind"] == "external")
    for row in discounts:
        if row["kind"] != "external":
            rows.append((row.get("promotion_id") or "", row.get("reward_no") or 0, row["amount_minor"]))
        elif external > 0:
            rows.append(("", 0, external))
            external = 0
    return rows


def differences(left: Any, right: Any, path: str = "") -> Iterator[str]:
    """Places where two results differ, with both values; core first."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            yield from differences(left.get(key), right.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for position, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from differences(one, other, f"{path}[{position}]")
    elif left != right:
        yield f"{path}: core {left!r}, oracle {right!r}"


def compare_case(seed: int, applied: Counter[str] | None = None, width: int = WIDTH_MAX) -> list[str] | None:
    """Differences between core and oracle on the case of a seed; counts what applied by mechanic and group mode.

    None when the reader finds that the documents contradict themselves: the generator should not write such.
    """
    return compare(generate(seed, width, AWAITED), applied, width)


def compare(case: Case, applied: Counter[str] | None, width: int) -> list[str] | None:
    """The same of a case."""
    try:
        core = run_core(case, width)
    except DocumentError as error:
        if any(problem.code != Code.CONTRADICTION for problem in error.problems):
            raise
        return None
    oracle = calculate(case.rules_documents, case.receipt, case.store, case.customer, case.at, case.holdings)
    if applied is not None:
        count_applied(core, case, applied)
    return list(differences(core, oracle_shape(oracle, width)))


def count_applied(core: dict[str, Any], case: Case, applied: Counter[str]) -> None:
    """What gave something, as `mechanic × group mode` and scope if not the default, and what else came to pass, as
    `+ what`."""
    documents = {document["promotion"]: document for document in case.rules_documents if "promotion" in document}
    modes = group_modes(documents.values())
    for row in core.get("rules", ()):
        document = documents[row["promotion_id"]]
        reward = document["reward"][row["reward_no"]]
        if next(iter(reward)) in ("gift", "multiplier"):
            applied[f"+ {next(iter(reward))} {row['verdict']}"] += 1
        elif row["given"] > 0:
            default = " LINE" if "points" in reward else " RECEIPT"
            mode = modes.get(group_name(document), "CASCADE").removesuffix(default)
            applied[f"{mechanic_of(reward)} × {mode}"] += 1
            if any("when" not in one for one in document.get("multiplier", ())):
                applied[f"multiplied {mechanic_of(reward)} × {mode}"] += 1
            applied.update(f"+ {feature}" for feature in features_of(document, reward, mode))
            applied["+ cut by a cap"] += row["cut"] > 0
        else:
            applied[f"+ {row['verdict']}"] += 1
            applied["+ BEATEN in OPTIMAL"] += row["verdict"] == "BEATEN" and modes.get(
                group_name(document), ""
            ).startswith("OPTIMAL")
    for line in core.get("lines", ()):
        applied["+ line paid with points"] += line.get("points_paid_minor", 0) > 0
    for row in core.get("max_redeem", ()):
        applied[f"+ {row['limited_by']}"] += 1
    for row in core.get("coupons", ()):
        applied[f"+ coupon {row['state']} {row['reason']}".rstrip()] += 1
    applied["+ nudge"] += len(core.get("nudges", ()))
    applied["+ not searched"] += core.get("not_searched", False)
    applied["+ gift taken"] += sum(row["taken"] > 0 for row in core.get("gifts", ()))
    applied["+ message"] += len(core.get("messages", ()))
    applied["+ several caps"] += sum("cap" in document for document in case.rules_documents) > 1
    change = {document["rounding"] for document in case.rules_documents if "rounding" in document}
    changed = any(row[0] in change for line in core.get("lines", ()) for row in line["discounts"])
    applied["+ small change"] += changed
    applied["+ rounded to be printable"] += not changed and core.get("totals", {}).get("rounding_minor", 0) > 0
    applied["+ split all the same"] += core.get("split_unavoidable", False)
    for row in core.get("fiscal_plan", ()):
        measured = row["qty_milli"] % 1000 > 0 and row["sub_no"] > 1
        applied["+ measured goods in two rows"] += measured
        applied["+ row by unit"] += row["by_unit"]
    for key in list(applied):
        if not applied[key]:
            del applied[key]


SETS = ("multi_buy", "bundle", "buy_get", "ladder")
MONEY = ("amount", "budget", "points")


def features_of(document: Mapping[str, Any], reward: Mapping[str, Any], mode: str) -> Iterator[str]:
    """What stands around a reward that gave something."""
    measures = {measure for limit in document.get("limits", ()) for measure in limit}
    kind = next(iter(reward))
    yield from (key for key in ("exclusive", "skip_discounted", "limits") if key in document)
    of = str(reward)
    yield from (f"of {asked}" for asked in ("attribute", "favourite", "personal") if f"'{asked}'" in of)
    yield from (f"when {condition}" for condition in sorted(conditions_named(document.get("when"))))
    if measures & {*MONEY}:
        yield f"{'set' if kind in SETS else kind} within limits of money"
    if "quantity" in measures:
        yield f"{'set' if kind in SETS else kind} within a quantity"
    if measures and mode == "BEST LINE":
        yield "LINE within limits"
    if len(document.get("limits", ())) > 1:
        yield "several limits"


def conditions_named(part: Any) -> set[str]:
    """The conditions of a `when`, wherever they stand."""
    if isinstance(part, list):
        return {name for one in part for name in conditions_named(one)}
    named: set[str] = set()
    for key, value in (part or {}).items():
        named |= conditions_named(value) if key in ("all", "any", "none") else {key}
    return named


def group_name(document: Mapping[str, Any]) -> str | None:
    group = document.get("group")
    return group["name"] if isinstance(group, Mapping) else group


def group_modes(documents: Iterable[Mapping[str, Any]]) -> dict[str | None, str]:
    """Mode and scope of every named group, as any member declares them."""
    declared: dict[str | None, dict[str, str]] = {}
    for document in documents:
        group = document.get("group")
        if isinstance(group, Mapping):
            declared.setdefault(group["name"], {}).update(group)
    return {
        name: group.get("mode", "CASCADE") + (f" {group['scope']}" if "scope" in group else "")
        for name, group in declared.items()
    }


def mechanic_of(reward: Mapping[str, Any]) -> str:
    ((kind, terms),) = reward.items()
    spread = f" {terms.get('spread', 'receipt')}" if kind == "amount" else ""
    tiers = " tiers by parts" if terms.get("progressive") else " tiers"
    return kind + spread + (tiers if "tiers" in terms else "")

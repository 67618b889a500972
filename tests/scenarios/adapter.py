"""Scenario text ⇄ the forms the engine and the reference take and give.

Knows no arithmetic of promotions: decimals become whole units and back, names become field names of the contracts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from altyn.core.rules.definition import load_documents

FOLDER = Path(__file__).parent
KEYS = {"scenario", "rules", "store", "customer", "holdings", "at", "inside", "outside", "receipt", "expect", "returns"}
LINE_KEYS = {
    "line_no", "sku", "qty", "unit", "price", "group", "brand", "supplier", "flags", "min_price", "cost", "gross",
    "external", "manual_percent", "manual_amount", "no_split", "mark_code", "attributes",
}  # fmt: skip
EARLIER_KEYS = {"attributes", "sku", "qty", "unit", "group", "brand", "supplier", "flags", "paid"}
EXPECT_KEYS = {
    "to_pay", "discount", "lines", "accrual", "coupons", "rules", "refused", "max_redeem", "messages", "issued",
    "flags", "nudges", "gifts",
}  # fmt: skip
RETURN_KEYS = {"lines", "refund", "cancelled"}
STORE = {"store_id": "s1", "zone": "Europe/Moscow", "region": "", "format": "", "cluster": ""}
AT = "2027-03-01T12:00"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TILL = "till"
ROUNDING = "rounding"
VERDICTS = ("APPLIED", "BEATEN", "EXCLUDED", "FLOOR", "CAP", "BUDGET", "LIMIT", "ZERO", "INACTIVE", "NOT_MATCHED")

Fields = dict[str, Any]


def whole(text: str, digits: int) -> int:
    """A decimal text in units of 10**-digits; more digits are a mistake in the scenario."""
    units, _, fraction = text.partition(".")
    assert len(fraction) <= digits, f"{text} has more than {digits} digits"
    return int(units + fraction.ljust(digits, "0"))


def minor(text: str) -> int:
    return whole(text, 2)


@dataclass(frozen=True)
class LineResult:
    net_minor: int
    discounts: tuple[tuple[str, int], ...]
    accrual: dict[str, int]


@dataclass(frozen=True)
class Result:
    """What came out, in one form for all who calculate. Amounts in kopecks, points in the asset's smallest unit."""

    to_pay_minor: int = 0
    discount_minor: int = 0
    lines: dict[int, LineResult] = field(default_factory=dict)
    accrual: dict[str, int] = field(default_factory=dict)
    paid: dict[int, int] = field(default_factory=dict)
    max_redeem: tuple[tuple[str, int, str], ...] = ()
    coupons: tuple[tuple[str, str], ...] = ()
    verdicts: dict[str, str] = field(default_factory=dict)
    messages: tuple[tuple[str, str, str], ...] = ()
    issued: tuple[tuple[str, str], ...] = ()
    # Promotion, what is missing of a sum (kopecks) or a quantity (thousandths), language, text; None: nobody tells.
    nudges: tuple[tuple[str, int, int, str, str], ...] | None = None
    # Promotion, SKUs, promised and taken units, texts by language; None: nobody tells.
    gifts: tuple[tuple[str, tuple[str, ...], int, int, tuple[tuple[str, str], ...]], ...] | None = None
    # What is printed of each line: quantity in thousandths, unit price, sum.
    printed: dict[int, tuple[tuple[int, int, int], ...]] = field(default_factory=dict)
    split_unavoidable: bool = False
    refused: str = ""
    refused_lines: tuple[int, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """One file."""

    name: str
    fields: Fields

    @property
    def documents(self) -> list[Any]:
        rules: list[Any] = self.fields["rules"]
        return rules

    @property
    def store(self) -> Fields:
        return {**STORE, **self.fields.get("store", {})}

    @property
    def customer(self) -> Fields | None:
        given = self.fields.get("customer")
        return given and {"card_state": "ACTIVE", **given, "customer_id": int(given.get("customer_id", 0))}

    @property
    def holdings(self) -> Fields:
        """What the book knows, in whole units."""
        given = self.fields.get("holdings", {})
        counters = [
            {**row, **{key: self._counted(row, row[key]) for key in ("used", "held") if key in row}}
            for row in given.get("counters", [])
        ]
        balances = {asset: {"active": points} for asset, points in self.points(given.get("balances", {})).items()}
        return {
            "balances": balances,
            "counters": counters,
            "coupons": given.get("coupons", {}),
            **({"history": [self._earlier(row) for row in given["history"]]} if "history" in given else {}),
        }

    def _earlier(self, row: Fields) -> Fields:
        """An earlier receipt; one with `paid` alone has one line, of sku x, in the store of the scenario."""
        assert set(row) <= {"date", "store", "lines", "paid", "gave"}, f"unknown keys of an earlier receipt: {set(row)}"
        store = row.get("store", {key: value for key, value in self.store.items() if key != "zone"})
        lines = row["lines"] if "lines" in row else [{"sku": "x", "paid": row["paid"]}]
        return {
            "date": row["date"],
            "store": {"region": "", "format": "", "cluster": "", **store},
            "lines": [_earlier_line(line) for line in lines],
            "gave": row.get("gave", []),
        }

    def _counted(self, row: Fields, text: str) -> int:
        if row["measure"] != "points":
            return whole(text, {"times": 0, "amount": 2, "quantity": 3}[row["measure"]])
        (promotion,) = (one for one in self.documents if one.get("promotion") == row["promotion_id"])
        asset = next(reward["points"]["asset"] for reward in promotion["reward"] if "points" in reward)
        return self.points({asset: text})[asset]

    @property
    def expect(self) -> Fields:
        expect: Fields = self.fields["expect"]
        return expect

    def instants(self, key: str) -> list[int]:
        """UTC microseconds of `at`, `inside` or `outside`."""
        given = self.fields.get(key, [AT] if key == "at" else [])
        return [self._instant(text) for text in (given if isinstance(given, list) else [given])]

    def _instant(self, text: str) -> int:
        zone = UTC if text.endswith("Z") else ZoneInfo(self.store["zone"])
        moment = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=zone)
        return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)

    @property
    def receipt(self) -> Fields:
        """The receipt with the field names of the contract."""
        receipt = self.fields["receipt"]
        return {
            "lines": [_line(line) for line in receipt["lines"]],
            "coupons": [{"code": code} for code in receipt.get("coupons", [])],
            "points": [self._wish(row) for row in receipt.get("points", [])],
            "identity": {"input_method": receipt.get("input_method", "scan").upper()},
            "payments": [
                {"type": row["type"].upper(), "sum_minor": minor(row["sum"])} for row in receipt.get("payments", [])
            ],
            "register_id": receipt.get("register", ""),
            "sales_channel": receipt.get("channel", ""),
        }

    def _wish(self, row: Fields) -> Fields:
        if "points" not in row:
            return {"asset": row["asset"], "max": True}
        return {"asset": row["asset"], "requested_points": self.points({row["asset"]: row["points"]})[row["asset"]]}

    def points(self, accrual: dict[str, str]) -> dict[str, int]:
        """Points as written → the smallest unit of each asset."""
        scales = {one["asset"]: int(one.get("scale", 2)) for one in self.documents if "asset" in one}
        return {asset: whole(text, scales.get(asset, 2)) for asset, text in accrual.items()}


def _line(line: Fields) -> Fields:
    assert set(line) <= LINE_KEYS, f"unknown keys of a line: {set(line) - LINE_KEYS}"
    made: Fields = {
        "line_no": int(line["line_no"]),
        "sku": line["sku"],
        "qty_milli": whole(line.get("qty", "1"), 3),
        "unit": "UNIT_" + line.get("unit", "PIECE"),
        "price_minor": minor(line["price"]),
        "group_id": line.get("group", ""),
        "brand_id": line.get("brand", ""),
        "supplier_id": line.get("supplier", ""),
        "min_price_minor": minor(line.get("min_price", "0")),
        "flags": {flag: True for flag in line.get("flags", [])},
    }
    made |= {name: line[name] for name in ("no_split", "mark_code", "attributes") if name in line}
    for name in ("cost", "gross"):
        if name in line:
            made[f"{name}_minor"] = minor(line[name])
    if "external" in line:
        made["external_discounts"] = [{"discount_id": TILL, "amount_minor": minor(line["external"])}]
    if "manual_percent" in line:
        made["manual_discount"] = {"percent_ppm": whole(line["manual_percent"], 4)}
    if "manual_amount" in line:
        made["manual_discount"] = {"amount_minor": minor(line["manual_amount"])}
    return made


def _earlier_line(line: Fields) -> Fields:
    assert set(line) <= EARLIER_KEYS, f"unknown keys of an earlier line: {set(line) - EARLIER_KEYS}"
    return {
        "sku": line["sku"],
        "qty_milli": whole(line.get("qty", "1"), 3),
        "unit": "UNIT_" + line.get("unit", "PIECE"),
        "group_id": line.get("group", ""),
        "brand_id": line.get("brand", ""),
        "supplier_id": line.get("supplier", ""),
        "paid_minor": minor(line["paid"]),
        "attributes": line.get("attributes", {}),
        "flags": {flag: True for flag in line.get("flags", [])},
    }


def read_scenario(path: Path) -> Scenario:
    name = str(path.relative_to(FOLDER).with_suffix(""))
    (fields,) = load_documents(path.read_text(encoding="utf-8"))
    assert set(fields) <= KEYS, f"{name}: unknown keys {set(fields) - KEYS}"
    scenario = Scenario(name, fields)
    assert set(scenario.expect) <= EXPECT_KEYS, f"{name}: unknown keys {set(scenario.expect) - EXPECT_KEYS}"
    for one in fields.get("returns", []):
        assert set(one) <= RETURN_KEYS, f"{name}: unknown keys of a return: {set(one) - RETURN_KEYS}"
    return scenario


def scenarios() -> list[Scenario]:
    """All scenario files, by name."""
    return [read_scenario(path) for path in sorted(FOLDER.glob("*/*.yaml"))]


def expected(scenario: Scenario, result: Result) -> Result:
    """What the scenario wants, with what it leaves open taken from the result."""
    expect = scenario.expect
    lines = expect["lines"]
    if "refused" in expect:
        return Result(refused=expect["refused"], refused_lines=tuple(int(line["line_no"]) for line in lines))
    return Result(
        to_pay_minor=minor(expect["to_pay"]),
        discount_minor=minor(expect["discount"]),
        lines={int(line["line_no"]): _expected_line(scenario, line, result) for line in lines},
        accrual=scenario.points(expect.get("accrual", {})),
        printed={
            **result.printed,
            **{
                int(line["line_no"]): tuple(
                    (whole(row["qty"], 3), minor(row["price"]), minor(row["sum"])) for row in line["printed"]
                )
                for line in lines
                if "printed" in line
            },
        },
        split_unavoidable="SPLIT_UNAVOIDABLE" in expect["flags"] if "flags" in expect else result.split_unavoidable,
        paid={**result.paid, **{int(line["line_no"]): minor(line["paid"]) for line in lines if "paid" in line}},
        max_redeem=tuple(
            (row["asset"], scenario.points({row["asset"]: row["points"]})[row["asset"]], row["limited_by"])
            for row in expect["max_redeem"]
        )
        if "max_redeem" in expect
        else result.max_redeem,
        coupons=tuple((row["code"], row["state"]) for row in expect.get("coupons", [])),
        messages=tuple((row["to"], row["language"], row["text"]) for row in expect["messages"])
        if "messages" in expect
        else result.messages,
        issued=tuple((row["promotion"], row["series"]) for row in expect["issued"])
        if "issued" in expect
        else result.issued,
        nudges=tuple(
            (row["promotion"], minor(row.get("sum", "0")), whole(row.get("quantity", "0"), 3), *_said(row))
            for row in expect["nudges"]
        )
        if "nudges" in expect and result.nudges is not None
        else result.nudges,
        gifts=tuple(
            (
                row["promotion"],
                tuple(row["skus"]),
                int(row["quantity"]),
                int(row["taken"]),
                tuple(row.get("texts", {}).items()),
            )
            for row in expect["gifts"]
        )
        if "gifts" in expect and result.gifts is not None
        else result.gifts,
        verdicts={**result.verdicts, **{row["promotion"]: row["verdict"] for row in expect.get("rules", [])}},
    )


def _expected_line(scenario: Scenario, line: Fields, result: Result) -> LineResult:
    found = result.lines.get(int(line["line_no"]), LineResult(-1, (), {}))
    return LineResult(
        minor(line["net"]),
        found.discounts
        if "discounts" not in line
        else tuple((row["promotion"], minor(row["amount"])) for row in line["discounts"]),
        found.accrual if "accrual" not in line else scenario.points(line["accrual"]),
    )


def result_of(answer: Fields) -> Result:
    """The answer of the engine (a reply or its outcome) or of the reference, in one form."""
    answer = {**answer, **(answer.get("outcome") or {})}
    reason = _name(answer.get("refused") or answer.get("reason"), "REASON_")
    if reason and reason != "UNSPECIFIED":
        lines = answer.get("refused_lines") or answer.get("lines") or ()
        return Result(refused=reason, refused_lines=tuple(int(line) for line in lines))
    totals = answer.get("totals") or {}
    trace = answer.get("rules") or (answer.get("explain") or {}).get("rules") or ()
    trace = [*trace, *(answer.get("small_change") or ())]
    return Result(
        to_pay_minor=int(totals.get("to_pay_minor", 0)),
        discount_minor=int(totals.get("discount_minor", 0)),
        lines={int(line["line_no"]): _line_result(line) for line in answer.get("lines") or ()},
        accrual=_points(totals.get("accrual")),
        paid={int(line["line_no"]): int(line.get("points_paid_minor", 0)) for line in answer.get("lines") or ()},
        messages=tuple(
            (_name(row["channel"], "CHANNEL_").lower(), row["language"], row["text"])
            for row in answer.get("messages") or ()
        ),
        max_redeem=tuple(
            (row["asset"], int(row["points"]), _name(row["limited_by"], "REASON_"))
            for row in answer.get("max_redeem") or ()
        ),
        coupons=tuple(
            (_code(row["code"]), _name(row.get("state"), "COUPON_STATE_")) for row in answer.get("coupons") or ()
        ),
        issued=tuple(
            (row["promotion_id"], row["series"]) for row in answer.get("issued_coupons") or answer.get("issued") or ()
        ),
        nudges=_nudges(answer.get("nudges")),
        gifts=_gifts(answer.get("gifts")),
        verdicts=_verdicts(trace),
        printed=_printed(answer.get("fiscal_plan") or ()),
        split_unavoidable=bool(answer.get("split_unavoidable"))
        or "REASON_SPLIT_UNAVOIDABLE" in (answer.get("flags") or ()),
    )


def _said(row: Fields) -> tuple[str, str]:
    return row["language"], row["text"]


def _nudges(rows: Any) -> tuple[tuple[str, int, int, str, str], ...] | None:
    if rows is None:
        return None
    return tuple(
        (row["promotion_id"], int(row["distance_minor"]), int(row["distance_milli"]), row["language"], row["text"])
        for row in rows
    )


def _gifts(rows: Any) -> tuple[tuple[str, tuple[str, ...], int, int, tuple[tuple[str, str], ...]], ...] | None:
    if rows is None:
        return None
    return tuple(
        (
            row["promotion_id"],
            tuple(row["skus"]),
            int(row["quantity"]),
            int(row["taken"]),
            tuple((said["language"], said["text"]) for said in row["messages"]),
        )
        for row in rows
    )


def _printed(plan: Any) -> dict[int, tuple[tuple[int, int, int], ...]]:
    rows: dict[int, tuple[tuple[int, int, int], ...]] = {}
    for row in plan:
        printed = int(row["qty_milli"]), int(row["price_minor"]), int(row["sum_minor"])
        rows[int(row["line_no"])] = (*rows.get(int(row["line_no"]), ()), printed)
    return rows


def _code(code: str) -> str:
    """Some answer with the code as it was entered, some as it is compared."""
    return code.strip(" ").upper()


def _line_result(line: Fields) -> LineResult:
    discounts: list[tuple[str, int]] = []
    for row in line.get("discounts") or ():
        if _name(row.get("kind"), "DISCOUNT_KIND_") == "POINTS":
            continue
        promotion, amount = row.get("promotion_id") or TILL, int(row["amount_minor"])
        if _name(row.get("kind"), "DISCOUNT_KIND_").upper() == "ROUNDING":
            promotion = ROUNDING
        if promotion == TILL and discounts and discounts[-1][0] == TILL:
            amount += discounts.pop()[1]
        discounts.append((promotion, amount))
    return LineResult(int(line.get("net_minor", 0)), tuple(discounts), _points(line.get("accrual")))


def _points(accrual: Any) -> dict[str, int]:
    if isinstance(accrual, dict):
        return {asset: int(points) for asset, points in accrual.items() if int(points)}
    return {row["asset"]: int(row["points"]) for row in accrual or () if int(row["points"])}


def _name(value: Any, prefix: str) -> str:
    return str(value or "").removeprefix(prefix)


def _verdicts(trace: Any) -> dict[str, str]:
    """One verdict per promotion: of several rewards the best."""
    found: dict[str, str] = {}
    for row in trace:
        promotion, verdict = row["promotion_id"], _name(row["verdict"], "VERDICT_")
        best = found.setdefault(promotion, verdict)
        found[promotion] = min(best, verdict, key=VERDICTS.index)
    return found

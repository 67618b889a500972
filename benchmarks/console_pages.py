"""Which pages the console's benchmark asks, of what was laid, and which it does not, and why.

A page whose address takes what is not laid must be named in ``NOT_ASKED`` with the reason, or `addresses` tells it as
one that nobody thought of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from altyn.admin_api.console.routes import page_routes
from altyn.admin_api.reports.definitions import REPORTS
from altyn.benchmarks import front_world as world
from altyn.benchmarks.console_programme import COUPON_BATCHES, REGISTERS_OF_STORE
from altyn.benchmarks.console_world import DAYS, FIRST_SEQ, phone
from altyn.benchmarks.core_rules import sku

#: Not pages but works: a page that has come says that they are under way, or they are asked for by name.
WORKS = ("/console/releases/new?checked=1", "/console/audit-chain?whole=1")
BACKTEST_WORKBOOK = "/console/backtests/{job_id}/report.xlsx"  # some 3,000 rows of cells, for the asking
LEADS_ON = "leads to another page"
ONLY_KEYS = "open to keys of programs only"
NOT_ASKED = {
    "/console/reports": LEADS_ON,
    "/console/customers/{customer_id}/personal": "leads to the customer; by a form it is asked",
    "/console/customers/{customer_id}/cards/{card_id}/token": LEADS_ON,
    "/console/customers/{customer_id}/merge/preview": "leads to the merge; by a form it is asked",
    "/console/customers/{customer_id}/attach": ONLY_KEYS,
    "/console/customers/{customer_id}/cards/{card_id}/activate": ONLY_KEYS,
    "/console/customers/{customer_id}/cards/{card_id}/close": ONLY_KEYS,
}
NOBODY_THOUGHT_OF_IT = "nobody thought of it"


@dataclass(frozen=True, slots=True)
class Laid:
    """What addresses name: a promotion; the regular customer, a member of a family who is not its head; jobs."""

    promotion: str
    regular: int
    relative: int
    backtest: int
    shadow: int
    upload: int
    case: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A page by its address; with ``fields`` by a form that changes nothing but the audit log. A work is no page."""

    address: str
    fields: Mapping[str, str] | None = None
    is_work: bool = False

    @property
    def name(self) -> str:
        if self.fields is None:
            return self.address
        return f"POST {self.address} " + "&".join(f"{key}={value}" for key, value in self.fields.items())


def addresses(laid: Laid) -> tuple[list[Asked], dict[str, str]]:
    """Every page that is read; and those that are not asked, with the reason."""
    known = {**_of_rules(laid), **_of_customers(laid), **_of_programme(laid)}
    paths = dict.fromkeys(one.path for one in page_routes() if one.method == "GET")
    asked = [page for path in paths for page in known.get(path, [] if "{" in path or path in NOT_ASKED else [path])]
    works = [*WORKS, BACKTEST_WORKBOOK.format(job_id=laid.backtest)]
    left = {path: NOT_ASKED.get(path, NOBODY_THOUGHT_OF_IT) for path in paths if path in NOT_ASKED or "{" in path}
    pages = [*map(Asked, [*asked, *_filtered(laid)]), *_forms(laid), *(Asked(one, is_work=True) for one in works)]
    return pages, {path: reason for path, reason in left.items() if path not in known}


def _of_rules(laid: Laid) -> dict[str, list[str]]:
    seq, promotion = FIRST_SEQ + 51, f"/console/promotions/{laid.promotion}"
    backtest = f"/console/backtests/{laid.backtest}"
    return {
        "/console/promotions/{promotion_id}": [promotion],
        "/console/promotions/{promotion_id}/history": [f"{promotion}/history"],
        "/console/promotions/{promotion_id}/review": [f"{promotion}/review"],
        "/console/promotions/{promotion_id}/backtests": [f"{promotion}/backtests"],
        "/console/backtests/{job_id}": [backtest],
        "/console/backtests/{job_id}/progress": [f"{backtest}/progress"],
        "/console/backtests/{job_id}/report.{ending}": [f"{backtest}/report.csv"],
        "/console/shadows/{job_id}": [f"/console/shadows/{laid.shadow}"],
        "/console/releases/{version}": ["/console/releases/1"],
        "/console/releases/{version}/rollout": ["/console/releases/1/rollout"],
        "/console/receipts/{seq}": ["/console/receipts/7"],
        "/console/receipt-cases/{case_id}": [f"/console/receipt-cases/{laid.case}"],
        "/console/exceptions/{key}": [f"/console/exceptions/{seq}-0"],
        "/console/fraud/cases/{key}": [f"/console/fraud/cases/{seq}-0"],
        "/console/people/{person_id}": ["/console/people/p1"],
        "/console/audit/{audit_no}": ["/console/audit/100000"],
        "/console/reports/{report}": list(_reports("")),
        "/console/reports/{report}/report.{ending}": [*_reports("/report.csv"), *_reports("/report.xlsx")][::4],
    }


def _of_customers(laid: Laid) -> dict[str, list[str]]:
    """The regular's pages are the longest; a card has its customer's number."""
    customer = f"/console/customers/{laid.regular}"
    of = "/console/customers/{customer_id}"
    found = {of: [customer, f"/console/customers/{laid.relative}", f"/console/customers/{laid.relative + 1}"]}
    found[f"{of}/leave"] = [f"/console/customers/{laid.relative}/leave"]
    for page in ("receipts", "entries", "adjust", "convert", "merge"):
        found[f"{of}/{page}"] = [f"{customer}/{page}"]
    for act in ("block", "unblock", "replace"):
        found[f"{of}/cards/{{card_id}}/{act}"] = [f"{customer}/cards/{laid.regular}/{act}"]
    return found | {"/console/adjustments/{adjustment_id}": ["/console/adjustments/1", "/console/adjustments/2"]}


def _of_programme(laid: Laid) -> dict[str, list[str]]:
    """A page of each thing, and of each of its lists."""
    store = "stores/S007"
    named = {
        "currencies/{asset}": "currencies/bonus",
        "currencies/{asset}/rates": "currencies/bonus/rates",
        "stores/{store_id}": store,
        "stores/{store_id}/registers": f"{store}/registers",
        "stores/{store_id}/registers/{register_id}": f"{store}/registers/K{REGISTERS_OF_STORE - 1:02}",
        "stores/{store_id}/registers/{register_id}/keys": f"{store}/registers/K{REGISTERS_OF_STORE - 1:02}/keys",
        "products/{sku}": f"products/{sku(7)}",
        "groups/{group_id}": "groups/category-7",
        "segments/{segment}": "segments/segment-01",
        "segments/{segment}/members": "segments/segment-01/members",
        "segments/{segment}/uploads": "segments/segment-01/uploads",
        "segments/{segment}/uploads/{job_id}": f"segments/segment-01/uploads/{laid.upload}",
        "card-series/{series}": "card-series/plastic",
        "card-series/{series}/batches": "card-series/plastic/batches",
        "card-batches/{batch_id}": "card-batches/7",
        "card-batches/{batch_id}/cards": "card-batches/7/cards",
        "gift-series/{series}": "gift-series/presents",
        "gift-series/{series}/batches": "gift-series/presents/batches",
        "gift-batches/{batch_id}": "gift-batches/7",
        "gift-batches/{batch_id}/cards": "gift-batches/7/cards",
        "coupon-series/{series}": "coupon-series/summer",
        "coupon-series/{series}/batches": "coupon-series/summer/batches",
        "coupon-batches/{batch_id}": "coupon-batches/7",
        "coupon-batches/{batch_id}/exports": f"coupon-batches/{COUPON_BATCHES + 1}/exports",
    }
    return {f"/console/programme/{path}": [f"/console/programme/{page}"] for path, page in named.items()}


def _filtered(laid: Laid) -> list[str]:
    """Lists as people narrow them, and their older pages."""
    seq = FIRST_SEQ + 50_001
    return [
        "/console/promotions?text=promotion-9",
        "/console/promotions?state=ACTIVE&stage=item",
        "/console/promotions?validity=now",
        "/console/products/hits?sku=S0000007&price=100",
        f"/console/receipts?before={seq}",
        f"/console/receipts?day={_day(30)}",
        f"/console/receipts?day={_day(30)}&store_id=S007",
        "/console/exceptions?state=ALL",
        "/console/exceptions?state=RESOLVED&store_id=S001",
        "/console/exceptions?state=OPEN&reason=SUM_MISMATCH",
        "/console/fraud/cases?state=ALL",
        "/console/fraud/cases?state=DECIDED&cashier_id=C51",
        "/console/jobs?state=FAILED",
        "/console/jobs?kind=BACKTEST",
        "/console/adjustments?state=ALL",
        "/console/adjustments?state=REJECTED",
        "/console/audit?action=cards&from_day=2020-01-01",
        "/console/audit?object_kind=promotion&object_id=object-4",
        "/console/audit?actor=person:p7",
        "/console/value/families?at=50000",
        "/console/value/accruals?at=5000",
        "/console/programme/segments?text=segment-4",
        "/console/programme/products?text=S0009",
        "/console/programme/coupon-series/winter",
        "/console/programme/card-batches/7/cards?state=BLOCKED",
    ]


def _forms(laid: Laid) -> Iterator[Asked]:
    """What people type, and what they are shown for the asking."""
    for text in ("promo", "customer", str(FIRST_SEQ + 50_001), world.card_number(laid.regular)):
        yield Asked("/console/search", {"text": text})
    keys = {"card_number": world.card_number(laid.regular), "phone": phone(laid.regular), "family_id": "7"}
    for by, key in (keys | {"customer_id": str(laid.regular)}).items():
        yield Asked("/console/customers", {"by": by, "key": key})
    yield Asked(f"/console/customers/{laid.regular}/personal", {})
    into = {"into_customer_id": str(laid.regular - 2), "reason": "one person"}
    yield Asked(f"/console/customers/{laid.regular}/merge/preview", into)


def _reports(ending: str) -> Iterator[str]:
    """Each report by each of what it may be grouped by, of a year."""
    for report in REPORTS.values():
        for by in report.by:
            yield f"/console/reports/{report.name}{ending}?by={by}&from_day={_day(DAYS - 1)}&to_day={_day(0)}"


def _day(ago: int) -> str:
    return (datetime.now(UTC) - timedelta(ago)).date().isoformat()

"""A chain as the console's benchmark looks at it: customers, a year of receipts, and what comes with them, by COPY.

One customer, the regular, has a thousandth of all receipts: theirs are the longest pages.

Records of a few thousand real sales are in the journal, made by the server's own inside; everything else is written
into the tables that people read, as the projector would have. Sums by day are made by the projector's own function.
Everything follows from numbers: two runs make the same chain. It must never be let loose on a database that is used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import asyncpg

from altyn.admin_api.edge.audit import COLUMNS, GENESIS, hash_row
from altyn.benchmarks import front_world as world
from altyn.benchmarks.console_programme import CARD_BATCHES, code_hash, lay_programme
from altyn.core.engine.identity import card_hash, phone_hash

#: Made-up sales are later than all real ones.
FIRST_SEQ = 1_000_000
LINES_OF_RECEIPT = 10
STORES = 200
DAYS = 365
BASKETS = 1_000
ROWS_AT_ONCE = 5_000
REAL_MEMBERS = world.MEMBERS  # ours come after them
#: Of a thousand receipts: one that is as it should be, and one that a person should look at.
REGULAR_EVERY = (2, 51)
REASONS = (12, 20, 21, 26)
NONE = r"\N"

Told = Callable[[str, int, int], None]


class Chain:
    """What is laid, and how big it is. ``told``: what is written, rows written, rows in all."""

    def __init__(self, connection: asyncpg.Connection[Any], customers: int, lines: int, told: Told) -> None:
        self._connection, self._told = connection, told
        self.customers, self.receipts = customers, lines // LINES_OF_RECEIPT
        self.regular = REAL_MEMBERS + customers - 1
        self.now = datetime.now(UTC).replace(microsecond=0)
        self._stamp = self.now.isoformat()

    async def lay(self) -> None:
        """Everything; then the sums by day and what the planner wants to know."""
        await self._facts()
        await self._sales()
        await self._exceptions()
        await self._people_work()
        await lay_programme(self._connection, self._put, self.customers, self.now)
        await self._connection.execute("SELECT add_report_days($1, $2)", FIRST_SEQ - 1, FIRST_SEQ + self.receipts)
        await self._connection.execute("VACUUM ANALYZE")

    # WHO AND WHERE

    async def _facts(self) -> None:
        version = await self._connection.fetchval("SELECT version FROM next_feed_version($1)", world.TENANT)
        mark = f"{world.TENANT}\t{version}\t{self._stamp}\t"
        fact = ("tenant", "version", "valid_from")
        stores = (f"{mark}{_store(one)}\tEurope/Moscow\tregion-{one % 8}\tStore {one}\n" for one in range(STORES))
        await self._put("stores", (*fact, "store_id", "zone", "region", "title"), stores, STORES)
        ids = range(REAL_MEMBERS + 1, REAL_MEMBERS + 1 + self.customers)
        rows = (f"{mark}{one}\t{one}\t\\\\x{phone_hash(world.PEPPER, phone(one)).hex()}\n" for one in ids)
        await self._put("customers", (*fact, "customer_id", "account_id", "phone_hash"), rows, self.customers)
        rows = (mark + self._card(one) for one in ids)
        columns: tuple[str, ...] = (
            *("card_id", "number_hash", "last4", "card_type", "state", "customer_id", "account_id", "series"),
            "batch_id",
        )
        await self._put("cards", (*fact, *columns), rows, self.customers)
        rows = (f"{world.TENANT}\t{one}\tCustomer {one}\t{phone(one)}\n" for one in ids)
        columns = ("tenant", "customer_id", "name", "phone")
        await self._put("customers", columns, rows, self.customers, schema="personal")
        rows = (f"{mark}segment-{one:02}\tSegment {one}\n" for one in range(50))
        await self._put("segments", (*fact, "segment", "title"), rows, 50)
        rows = (f"{mark}{one}\tsegment-{one % 50:02}\n" for one in ids if one % 2)
        await self._put("customer_segments", (*fact, "customer_id", "segment"), rows, self.customers // 2)

    def _card(self, one: int) -> str:
        number = world.card_number(one)
        batch = (one - REAL_MEMBERS - 1) * CARD_BATCHES // self.customers + 1
        hashed = card_hash(world.PEPPER, number).hex()
        return f"{one}\t\\\\x{hashed}\t{number[-4:]}\tplastic\tACTIVE\t{one}\t{one}\tplastic\t{batch}\n"

    # WHAT WAS SOLD

    async def _sales(self) -> None:
        numbers = range(self.receipts)
        columns: tuple[str, ...] = (
            *("seq", "op_id", "store_id", "register_id", "shift_number", "receipt_number", "business_time"),
            *("business_date", "recorded_at", "customer_id", "account_id", "currency", "gross_minor"),
            *("discount_minor", "points_paid_minor", "rounding_minor", "to_pay_minor", "lines_count"),
            *("rules_version", "status", "exceptions"),
        )
        await self._put("receipts", columns, map(self._receipt, numbers), self.receipts)
        baskets = [self._basket(number) for number in range(BASKETS)]
        rows = (_under(FIRST_SEQ + one, baskets[one % BASKETS]) for one in numbers)
        columns = (
            *("seq", "line_no", "sku", "group_id", "brand_id", "qty_milli", "price_minor", "gross_minor"),
            *("discount_minor", "net_minor"),
        )
        await self._put("receipt_lines", columns, rows, self.receipts)
        given = [self._discounts(number) for number in range(BASKETS)]
        rows = (_under(FIRST_SEQ + one, given[one % BASKETS]) for one in numbers)
        columns = ("seq", "line_no", "discount_no", "promotion_id", "reward_no", "stage", "amount_minor")
        await self._put("receipt_discounts", columns, rows, self.receipts)
        rows = (self._postings(one) for one in numbers)
        columns = ("seq", "entry_no", "posting_no", "kind", "account_id", "asset_no", "points", "lot_id", "recorded_at")
        await self._put("ledger_entries", columns, rows, self.receipts)

    def _receipt(self, number: int) -> str:
        at = self._at(number)
        who = self._customer(number)
        place = f"{_store(number % STORES)}\tK{number // STORES % 8:02}\t{number // 10_000}\t{number}"
        moment = f"{at.isoformat()}\t{at.date()}\t{at.isoformat()}"
        sums = "100000\t8000\t0\t0\t92000"
        return (
            f"{FIRST_SEQ + number}\t{number + 1:032x}\t{place}\t{moment}\t{who}\t{who}\tRUB\t{sums}"
            f"\t{LINES_OF_RECEIPT}\t1\t1\t{{}}\n"
        )

    def _basket(self, number: int) -> list[str]:
        return [
            f"{line}\tS{number * 7 + line:07}\tcategory-{(number + line) % 4_000}\tbrand-{number % 2_000}"
            f"\t1000\t10000\t10000\t800\t9200\n"
            for line in range(1, LINES_OF_RECEIPT + 1)
        ]

    def _discounts(self, number: int) -> list[str]:
        return [f"{line}\t0\tpromotion-{(number * 3 + line) % 900}\t0\t2\t1600\n" for line in range(1, 6)]

    def _postings(self, number: int) -> str:
        who = self._customer(number)
        if who == NONE:
            return ""
        head, tail = f"{FIRST_SEQ + number}\t0\t", f"\t{number + 1}\t{self._at(number).isoformat()}\n"
        return f"{head}0\t1\t{who}\t1\t920{tail}{head}1\t1\t-1\t1\t-920{tail}"

    def _customer(self, number: int) -> str:
        if number % 1_000 in REGULAR_EVERY:
            return str(self.regular)
        return NONE if number % 5 == 0 else str(REAL_MEMBERS + 1 + number * 7_919 % self.customers)

    def _at(self, number: int) -> datetime:
        return self.now - timedelta(seconds=(self.receipts - number) * DAYS * 86_400 // self.receipts)

    # WHAT A PERSON SHOULD LOOK AT

    async def _exceptions(self) -> None:
        odd = [number for number in range(self.receipts) if number % 50 == 1]
        columns: tuple[str, ...] = (
            *("seq", "exception_no", "kind", "status", "reason", "store_id", "register_id", "shift_number"),
            *("receipt_number", "recorded_at"),
        )
        rows = (
            f"{FIRST_SEQ + one}\t0\t2\t1\t{REASONS[one // 50 % len(REASONS)]}\t{_store(one % STORES)}\tK00"
            f"\t{one // 10_000}\t{one}\t{self._at(one).isoformat()}\n"
            for one in odd
        )
        await self._put("exceptions", columns, rows, len(odd))
        rows = (f"{FIRST_SEQ + one}\t0\tlooked at\tperson:p1\t{self._stamp}\n" for one in odd if one % 1_000 != 1)
        columns = ("seq", "exception_no", "note", "resolved_by", "resolved_at")
        await self._put("exception_resolutions", columns, rows, len(odd))
        rows = (
            f"{FIRST_SEQ + one}\t0\tmany\t1\t2\t{_store(one % STORES)}\tK00\t{one // 10_000}\t{one}\tC{one % 100}"
            f"\t{REAL_MEMBERS + 1 + one % self.customers}\t5\t4\t{self._at(one).isoformat()}\n"
            for one in odd
        )
        columns = (
            *("seq", "case_no", "rule", "kind", "operation_kind", "store_id", "register_id", "shift_number"),
            *("receipt_number", "cashier_id", "card_id", "count", "threshold", "recorded_at"),
        )
        await self._put("fraud_cases", columns, rows, len(odd))
        rows = (f"{FIRST_SEQ + one}\t0\tHONEST\tknown\tperson:p1\t{self._stamp}\n" for one in odd if one % 1_000 != 1)
        columns = ("seq", "case_no", "verdict", "note", "decided_by", "decided_at")
        await self._put("fraud_decisions", columns, rows, len(odd))
        rows = (
            f"{FIRST_SEQ + self.receipts + one}\t{self.receipts + one + 1:032x}\t{FIRST_SEQ + one}"
            f"\t{_store(one % STORES)}\tK00\t{one // 10_000}\t{one}\t{self._at(one).isoformat()}\t9200\tf\tf\t1\t{{}}\n"
            for one in odd
        )
        columns = (
            *("seq", "op_id", "sale_seq", "store_id", "register_id", "shift_number", "receipt_number", "recorded_at"),
            *("refund_minor", "is_void", "has_waited", "status", "exceptions"),
        )
        await self._put("receipt_returns", columns, rows, len(odd))

    # WHAT PEOPLE DID

    async def _people_work(self) -> None:
        await self._promotions()
        mine, now = world.TENANT, self._stamp
        families = self.customers // 10
        rows = (
            f"{mine}\tFamily {one}\t{REAL_MEMBERS + 1 + one}\t{one + 1}\tperson:p1\t{now}\n" for one in range(families)
        )
        await self._put(
            "families", ("tenant", "title", "head_id", "account_id", "created_by", "created_at"), rows, families
        )
        rows = (
            f"{mine}\t{REAL_MEMBERS + 1 + one}\t{one % families + 1}\tMEMBER\t{now}\n" for one in range(2 * families)
        )
        columns: tuple[str, ...] = ("tenant", "customer_id", "family_id", "state", "since")
        await self._put("family_members", columns, rows, 2 * families)
        rows = (
            f"{mine}\tJOIN\tDONE\t{REAL_MEMBERS + 1 + one}\t{one % families + 1}\t{one + 1}\t{one + 1}\tasked"
            f"\t{now}\tperson:p1\t{now}\t{now}\n"
            for one in range(2 * families)
        )
        columns = (
            *("tenant", "kind", "state", "customer_id", "family_id", "account_id", "to_account_id", "reason"),
            *("next_at", "created_by", "created_at", "updated_at"),
        )
        await self._put("account_acts", columns, rows, 2 * families)
        states = ("DONE", "DONE", "FAILED", "CANCELLED")
        rows = (
            f"{mine}\tSEGMENT_MEMBERS\tsegment-{one % 50:02}\tADD\t{states[one % 4]}\t0"
            f"\tperson:p{one % 500}\t{now}\t{now}\n"
            for one in range(10_000)
        )
        columns = (
            "tenant",
            "kind",
            "subject",
            "mode",
            "state",
            "total_count",
            "created_by",
            "created_at",
            "updated_at",
        )
        await self._put("jobs", columns, rows, 10_000)
        rows = (
            f"{mine}\tJubilee {one}\tbonus\t500\tjubilee\tsegment-{one % 50:02}\t{{}}\t{now}\t{states[one % 4]}"
            f"\tperson:p{one % 500}\t{now}\t{now}\n"
            for one in range(10_000)
        )
        columns = (
            *("tenant", "title", "asset", "points", "reason", "segment", "expires", "starts_at", "state"),
            *("created_by", "created_at", "updated_at"),
        )
        await self._put("accrual_jobs", columns, rows, 10_000)
        rows = (
            f"{FIRST_SEQ + one}\t0\t\\\\x{code_hash(one)}\t1\t3\tf\tpromotion-1\t{self._at(one).isoformat()}\n"
            for one in range(0, self.receipts, 10)
        )
        columns = ("seq", "change_no", "code_hash", "series_no", "use", "issued", "promotion_id", "recorded_at")
        await self._put("coupon_changes", columns, rows, self.receipts // 10)
        await self._office()

    async def _promotions(self) -> None:
        documents = [one for one in world.documents() if "promotion" in one]
        rows = [
            f"{world.TENANT}\t{one['promotion']}\t{_escaped(json.dumps(one))}\tACTIVE\t1\tperson:p1\t{self._stamp}"
            for one in documents
        ]
        shared = ("tenant", "promotion_id", "document", "state", "revision")
        columns: tuple[str, ...] = (*shared, "updated_by", "updated_at", "released_revision")
        await self._put("promotions", columns, (f"{row}\t1\n" for row in rows), len(rows))
        columns = (*shared, "changed_by", "changed_at")
        await self._put("promotion_revisions", columns, (f"{row}\n" for row in rows), len(rows))

    async def _office(self) -> None:
        """Five hundred people, their sessions, and 200,000 rows of what they did."""
        mine, now, people = world.TENANT, self._stamp, 500
        rows = (f"{mine}\tp{one}\tPerson {one}\t{now}\tbench\n" for one in range(people))
        await self._put("people", ("tenant", "person_id", "name", "created_at", "created_by"), rows, people)
        rows = (f"{mine}\tp{one}\tMARKETER\tNETWORK\t{now}\tbench\n" for one in range(people))
        columns: tuple[str, ...] = ("tenant", "person_id", "role", "reach", "granted_at", "granted_by")
        await self._put("person_roles", columns, rows, people)
        rows = (
            f"{mine}\t{one:016x}\t\\\\x{_hash(one)}\tp{one % people}\t{now}\t{now}\t{now}\n"
            for one in range(20 * people)
        )
        columns = ("tenant", "session_id", "token_hash", "person_id", "started_at", "seen_at", "expires_at")
        await self._put("person_sessions", columns, rows, 20 * people)
        await self._put("audit_log", ("tenant", *COLUMNS, "prev_hash", "row_hash"), self._deeds(200_000), 200_000)

    def _deeds(self, count: int) -> Iterator[str]:
        before = GENESIS
        for number in range(1, count + 1):
            row = {
                **dict.fromkeys(COLUMNS),
                "audit_no": number,
                "at": self.now - timedelta(minutes=count - number),
                "actor": f"person:p{number % 500}",
                "action": ("promotions.change", "segments.fill", "sessions.start", "cards.block")[number % 4],
                "object_kind": ("promotion", "segment", "session", "card")[number % 4],
                "object_id": f"object-{number % 5_000}",
                "request_id": f"{number:032x}",
            }
            own = hash_row(before, world.TENANT, row)
            told = "\t".join(NONE if row[name] is None else str(row[name]) for name in COLUMNS)
            yield f"{world.TENANT}\t{told}\t\\\\x{before.hex()}\t\\\\x{own.hex()}\n"
            before = own

    async def _put(
        self, table: str, columns: tuple[str, ...], rows: Iterator[str], count: int, *, schema: str | None = None
    ) -> None:
        """COPY; each of ``rows`` is one or more lines of its text."""

        async def parts() -> AsyncIterator[bytes]:
            done = 0
            while part := list(islice(rows, ROWS_AT_ONCE)):
                yield "".join(part).encode()
                done += len(part)
                self._told(table, done, max(count, done))

        await self._connection.copy_to_table(table, source=parts(), columns=list(columns), schema_name=schema)


def phone(customer_id: int) -> str:
    return f"+79{customer_id:09}"


def _store(number: int) -> str:
    return f"S{number:03}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\")


def _hash(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _under(seq: int, lines: list[str]) -> str:
    head = f"{seq}\t"
    return head + head.join(lines)

"""Use cases of the catalogue: one import is one transaction and one feed version, however many rows.

Rows are read one by one and every wrong one is told with its number; equal rows write nothing, so an import may be
repeated.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import ValidationError

from altyn.admin_api.catalogue.errors import ImportRefused, ImportUnreadable
from altyn.admin_api.catalogue.schemas import ProductIn
from altyn.admin_api.edge.call import Call
from altyn.admin_api.edge.problems import Problem, problem
from altyn.admin_api.facts import PRODUCT_GROUPS, PRODUCTS

ROWS_MAX = 200_000
PROBLEMS_SHOWN_MAX = 1_000
ROWS_A_SLICE = 2_000  # between two of them the loop serves others


@dataclass(slots=True)
class Import:
    """What a file holds. Problems beyond PROBLEMS_SHOWN_MAX are counted only."""

    products: dict[str, ProductIn] = field(default_factory=dict)
    rows_count: int = 0
    wrong_count: int = 0
    problems: list[tuple[int, Problem]] = field(default_factory=list)

    def refuse(self, *found: Problem) -> None:
        """The row just counted is wrong."""
        self.wrong_count += 1
        room = PROBLEMS_SHOWN_MAX - len(self.problems)
        self.problems.extend((self.rows_count, one) for one in found[: max(0, room)])


async def read_import(body: bytes, *, is_csv: bool) -> Import:
    """Every row of a file. Raises ImportUnreadable."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ImportUnreadable("the file is not UTF-8") from None
    found = Import()
    for row in _csv_rows(text) if is_csv else _json_rows(text):
        found.rows_count += 1
        if found.rows_count > ROWS_MAX:
            raise ImportUnreadable(f"more than {ROWS_MAX} rows: split the file")
        if found.rows_count % ROWS_A_SLICE == 0:
            await asyncio.sleep(0)
        _take(found, row)
    return found


def _take(found: Import, row: Any) -> None:
    if isinstance(row, str):
        found.refuse(problem("", "BAD_SYNTAX", row))
        return
    try:
        product = ProductIn.model_validate(row)
    except ValidationError as error:
        found.refuse(*(_problem_of(one) for one in error.errors()[:20]))
        return
    if product.sku in found.products:
        found.refuse(problem("sku", "DUPLICATE_ID", f"{product.sku} stands in an earlier row"))
        return
    found.products[product.sku] = product


async def import_products(call: Call, found: Import, *, all_or_nothing: bool) -> int:
    """Make the rows current; how many were not already. Raises ImportRefused."""
    if all_or_nothing and found.problems:
        told = [problem(f"row[{row}].{one['path']}", one["code"], one["message"]) for row, one in found.problems]
        raise ImportRefused(f"{found.wrong_count} rows are wrong; nothing was imported", problems=told)
    products = found.products.values()
    rows = [_row(product) for product in products if not product.deleted]
    gone = [_row(product) for product in products if product.deleted]
    changed_count = await call.feed.put(PRODUCTS, rows) if rows else 0
    changed_count += await call.feed.put(PRODUCTS, gone, deleted=True) if gone else 0
    if changed_count:
        told_after = {"rows_count": found.rows_count, "changed_count": changed_count, "wrong_count": found.wrong_count}
        call.record("catalogue.import", "catalogue", f"{len(found.products)} products", after=told_after)
    return changed_count


async def put_group(call: Call, *, group_id: str, title: str) -> None:
    """Name a product group for people."""
    if await call.feed.put(PRODUCT_GROUPS, [(group_id, title)]):
        call.record("catalogue.put_group", "product_group", group_id, after={"title": title})


def _row(product: ProductIn) -> tuple[object, ...]:
    """In the order of PRODUCTS."""
    attributes = (product.title, product.group_id, product.brand_id, product.supplier_id)
    return (product.sku, *attributes, product.flags, product.min_price_minor, product.vat_code)


def _json_rows(text: str) -> Iterator[Any]:
    """Objects of NDJSON; a text for a line that is none."""
    for line in io.StringIO(text):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            row = f"not JSON: {error}"
        yield row if isinstance(row, dict | str) else "a row is a JSON object"


def _csv_rows(text: str) -> Iterator[Any]:
    """Rows of CSV with a header line; empty fields are left out, so that they take their defaults."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, None)
        known = ProductIn.model_fields
        if not header or "sku" not in header or len(set(header)) != len(header) or set(header) - set(known):
            raise ImportUnreadable(f"the first line names columns, sku among them; known are {', '.join(known)}")
        for values in reader:
            if not values:
                continue
            if len(values) != len(header):
                yield f"{len(values)} fields; the header has {len(header)}"
            else:
                yield {name: value for name, value in zip(header, values, strict=True) if value}
    except csv.Error as error:
        raise ImportUnreadable(f"not CSV: {error}") from None


def _problem_of(error: Any) -> Problem:
    code = {"missing": "REQUIRED", "extra_forbidden": "UNKNOWN_KEY"}.get(error["type"], "BAD_FORMAT")
    path = ".".join(map(str, error["loc"]))
    return problem(path, code, str(error["msg"]).removeprefix("Value error, "))

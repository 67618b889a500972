"""Use cases of the catalogue: one import is one transaction and one feed version, however many rows.

Equal rows write nothing, so an import may be repeated.
"""

from __future__ import annotations

from altyn.admin_api.catalogue import repository
from altyn.admin_api.catalogue.schemas import ProductIn
from altyn.admin_api.edge.bulk import Bulk
from altyn.admin_api.edge.call import Call
from altyn.admin_api.facts import PRODUCT_GROUPS, PRODUCTS


async def import_products(call: Call, found: Bulk[ProductIn], *, all_or_nothing: bool) -> int:
    """Make the rows current; how many were not already. Raises FileRefused."""
    if all_or_nothing:
        found.require_all()
    products = found.rows.values()
    rows = [_row(product) for product in products if not product.deleted]
    gone = [_row(product) for product in products if product.deleted]
    changed_count = await call.feed.put(PRODUCTS, rows) if rows else 0
    changed_count += await call.feed.put(PRODUCTS, gone, deleted=True) if gone else 0
    if changed_count:
        told = {"changed_count": changed_count, "feed_version": call.feed.version, **found.counts()}
        call.record("catalogue.import", "catalogue", f"{len(found.rows)} products", after=told)
    return changed_count


async def put_group(call: Call, *, group_id: str, title: str) -> None:
    """Name a product group for people."""
    await call.feed.lock()
    before = await repository.find_group(call.connection, call.tenant, group_id)
    if await call.feed.put(PRODUCT_GROUPS, [(group_id, title)]):
        told = None if before is None else {"title": before}
        call.record("catalogue.put_group", "product_group", group_id, before=told, after={"title": title})


def _row(product: ProductIn) -> tuple[object, ...]:
    """In the order of PRODUCTS."""
    attributes = (product.title, product.group_id, product.brand_id, product.supplier_id)
    return (product.sku, *attributes, product.flags, product.min_price_minor, product.vat_code, product.pairs)

"""The catalogue in memory: what a receipt line leaves out, by SKU."""

from typing import NamedTuple

from altyn.core.facts.copy import CopyRows

class ProductFact(NamedTuple):
    """Empty text and 0 mean none. `flags`: bits in the order of LineFlags. Ids are at most 64 bytes of UTF-8.
    `attributes`: at most 16 texts name=value, in ascending order."""

    sku: str
    group_id: str = ""
    brand_id: str = ""
    supplier_id: str = ""
    flags: int = 0
    min_price_minor: int = 0
    vat_code: int = 0
    attributes: tuple[str, ...] = ()

class Catalogue:
    allocated_bytes: int
    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    def upsert(self, product: ProductFact) -> None:
        """Add or replace. ValueError names the field that is out of range."""
    def remove(self, sku: str) -> bool:
        """Forget a product; False when it was not there."""
    def get(self, sku: str) -> ProductFact | None: ...
    def load(self, rows: CopyRows, rows_max: int) -> int:
        """Apply at most `rows_max` rows and return how many; fewer means: append the next chunk, or the end.

        Columns: sku text, group_id text, brand_id text, supplier_id text, flags int4, min_price_minor int8,
        vat_code int4, deleted bool, attributes text (by line). ValueError when a row is not of this shape.
        """

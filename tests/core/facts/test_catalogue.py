"""The catalogue against a dictionary, and against streams cut anywhere."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altyn.core.facts import Catalogue, CopyRows
from altyn.core.facts.catalogue import ProductFact

SKUS = st.text(min_size=1, max_size=16)  # at most 4 bytes a character
IDS = st.sampled_from(["", "milk", "bread", "хлеб", "x" * 64])
PRODUCTS = st.builds(
    ProductFact,
    SKUS,
    IDS,
    IDS,
    IDS,
    st.integers(0, 127),
    st.integers(0, 1_000_000_000),
    st.integers(0, 1_000),
    st.sets(st.sampled_from(["colour=red", "colour2=red", "size=38/40", "line=цвет=a", "x" * 64 + "=" + "y" * 64])).map(
        lambda pairs: tuple(sorted(pairs, key=str.encode))
    ),
)


def field(value: str | int | bool, size: int = 4) -> bytes:
    if isinstance(value, bool):
        body = struct.pack("!?", value)
    elif isinstance(value, int):
        body = value.to_bytes(size, "big", signed=True)
    else:
        body = value.encode()
    return struct.pack("!i", len(body)) + body


def row(product: ProductFact, deleted: bool = False) -> bytes:
    numbers = field(product.flags) + field(product.min_price_minor, 8) + field(product.vat_code)
    texts = b"".join(field(text) for text in product[:4])
    return struct.pack("!h", 9) + texts + numbers + field(deleted) + field("\n".join(product.attributes))


def stream(*rows: bytes) -> bytes:
    return b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"".join(rows) + struct.pack("!h", -1)


def load(catalogue: Catalogue, chunks: list[bytes], rows_max: int = 1_000) -> CopyRows:
    rows = CopyRows()
    for chunk in chunks:
        rows.append(chunk)
        while catalogue.load(rows, rows_max):
            pass
    return rows


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), PRODUCTS), max_size=60))
def test_catalogue_after_any_changes_equals_a_dictionary(changes: list[tuple[bool, ProductFact]]) -> None:
    catalogue, model = Catalogue(), {}
    for is_removed, product in changes:
        if is_removed:
            assert catalogue.remove(product.sku) == (model.pop(product.sku, None) is not None)
        else:
            catalogue.upsert(product)
            model[product.sku] = product
    assert len(catalogue) == len(model)
    for _, product in changes:
        assert catalogue.get(product.sku) == model.get(product.sku)


def test_catalogue_of_many_products_finds_each_while_it_grows() -> None:
    catalogue = Catalogue()
    for number in range(20_000):
        catalogue.upsert(ProductFact(f"sku-{number}", f"group-{number % 100}", vat_code=number % 10))
        probe = number * 7919 % (number + 1)
        assert catalogue.get(f"sku-{probe}") == ProductFact(f"sku-{probe}", f"group-{probe % 100}", vat_code=probe % 10)
    assert len(catalogue) == 20_000
    assert catalogue.get("sku-20000") is None


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(PRODUCTS, st.booleans()), max_size=12),
    st.lists(st.integers(0, 2_000), max_size=8),
    st.integers(1, 5),
)
def test_catalogue_loaded_from_a_stream_cut_anywhere_equals_one_by_one(
    rows: list[tuple[ProductFact, bool]], cuts: list[int], rows_max: int
) -> None:
    whole = stream(*[row(product, deleted) for product, deleted in rows])
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    loaded, expected = Catalogue(), Catalogue()
    read = load(loaded, [whole[a:b] for a, b in itertools.pairwise(places)], rows_max)
    for product, deleted in rows:
        if deleted:
            expected.remove(product.sku)
        else:
            expected.upsert(product)
    assert read.finished
    assert read.rows_count == len(rows)
    assert len(loaded) == len(expected)
    assert [loaded.get(product.sku) for product, _ in rows] == [expected.get(product.sku) for product, _ in rows]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"PGCOPY\n\xff\r\n1" + bytes(8), "not a binary COPY stream"),
        (stream(struct.pack("!h", 7)), "of 7 fields, expected 9"),
        (stream(struct.pack("!hi", 9, 70_000)), "field of 70000 bytes"),
        (stream(struct.pack("!hi", 9, -2)), "field of -2 bytes"),
        (stream(row(ProductFact("x" * 65))), "text of 65 bytes"),
        (stream(row(ProductFact(""))), "sku of 0 bytes"),
        (stream(row(ProductFact("a", flags=128))), "flags is 128"),
        (stream(row(ProductFact("a", min_price_minor=-1))), "min_price_minor is -1"),
        (stream(row(ProductFact("a", vat_code=1_001))), "vat_code is 1001"),
        (stream(row(ProductFact("a", attributes=("colour",)))), "no name=value"),
        (stream(row(ProductFact("a", attributes=("b=1", "a=1")))), "not in ascending order"),
        (stream(row(ProductFact("a", attributes=("a=1", "a=1")))), "not in ascending order"),
        (stream(row(ProductFact("a", attributes=tuple(f"a{n:02}=1" for n in range(17))))), "more than 16"),
        (stream(row(ProductFact("a", attributes=("x" * 128 + "=y",)))), "at most 129 bytes"),
        (stream() + b"\0", "after the end"),
    ],
)
def test_catalogue_given_a_bad_stream_refuses_it_by_name(body: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(Catalogue(), [body])


def test_products_of_equal_attributes_share_them_and_keep_them_when_others_change() -> None:
    catalogue = Catalogue()
    red = ("colour=red", "size=s")
    for number in range(10_000):
        catalogue.upsert(ProductFact(f"sku-{number}", attributes=red))
    spent = catalogue.allocated_bytes
    catalogue.upsert(ProductFact("sku-7", attributes=("colour=blue",)))
    catalogue.upsert(ProductFact("sku-8"))
    assert catalogue.allocated_bytes == spent
    assert [catalogue.get(f"sku-{number}").attributes for number in (6, 7, 8)] == [red, ("colour=blue",), ()]


def test_catalogue_refusing_a_row_keeps_the_rows_before_it() -> None:
    catalogue = Catalogue()
    with pytest.raises(ValueError, match="flags"):
        load(catalogue, [stream(row(ProductFact("good")), row(ProductFact("bad", flags=-1)))])
    assert catalogue.get("good") == ProductFact("good")
    assert catalogue.get("bad") is None


@pytest.mark.parametrize(
    "product", [ProductFact(""), ProductFact("я" * 33), ProductFact("a", group_id="g" * 65), ProductFact("a", flags=-1)]
)
def test_catalogue_given_a_product_out_of_range_refuses_it(product: ProductFact) -> None:
    catalogue = Catalogue()
    with pytest.raises(ValueError, match=r"sku|group_id|flags"):
        catalogue.upsert(product)
    assert len(catalogue) == 0

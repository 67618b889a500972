"""``altyn sandbox``: what is in the sandbox store, for a terminal or as the page of the documentation.

``altyn up --sandbox`` starts it. ``altyn sandbox --markdown > docs/register/sandbox.md`` writes the page anew after a
change of the data or the examples.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from altyn.cli.sandbox import world
from altyn.cli.sandbox.examples import HEAD, examples, replies
from altyn.cli.sandbox.load import programme

app = typer.Typer(add_completion=False)

TOP = """\
# The sandbox

<!-- Written by `altyn sandbox --markdown` from cli/sandbox/: change that, then write this page anew. -->

`altyn up --sandbox` starts the whole of Altyn on this machine and makes a store whose cards, goods and promotions never
change, so that a till's developer knows every reply beforehand. It prints the address, and a key per register; the keys
stay the same for one data directory. Ctrl-C ends it; `--var DIR` keeps its data elsewhere.

```sh
altyn up --sandbox
altyn send --receipt receipt.json --target HOST:PORT --key KEY --explain   # one receipt, as a table
altyn conformance --target HOST:PORT --store sandbox --register-id till-4 --key KEY   # faults; see conformance.md
```

Slow calls, lost replies and refusals at will are made by the proxy of the conformance kit:
`altyn conformance --listen 127.0.0.1:50061 --target HOST:PORT --store sandbox --register-id till-1 --key KEY`.
"""
MIDDLE = """
A till may send its own price, groups and flags; what it leaves out is taken from the catalogue.
"""
BEFORE_EXAMPLES = """
## Requests and replies

In order: later ones see what the earlier have done, on a fresh sandbox. Receipts are those of `till-1`, sent with its
key unless another is named, and begin with this head:

```json
%s
```

Field names and values are those of `proto/altyn/pos/v1` in JSON. `"op_id": "A"` stands for sixteen bytes of your own.
Left out of replies, since they differ from day to day: `server_time_us`, `seq`, `calc_token`, `rules_version`,
`version`, `customer_id`, `expires_at_us`, `hold_expires_at_us`. Everything else is exact: a test sends these requests
to a real server and compares.
"""


@app.command()
def run(
    markdown: Annotated[bool, typer.Option("--markdown", help="The page docs/register/sandbox.md.")] = False,
) -> None:
    """Tell what is in the sandbox store."""
    if markdown:
        print(page(), end="")
        return
    print(f"store {world.STORE}, {world.CURRENCY}, {world.ZONE}; registers {', '.join(world.REGISTERS)}")
    for card in world.CARDS:
        print(f"card     {card.number}  {card.shows}")
    print(f"card     {world.UNKNOWN_CARD}  no such card")
    for product in world.PRODUCTS:
        print(f"product  {product.sku:18}  {money(product.price_minor):>8} {product.unit:5}  {product.shows}")
    print("start it with: altyn up --sandbox")


def page() -> str:
    """The text of docs/register/sandbox.md."""
    cards = [(f"`{card.number}`", card.shows, card.phone or "—") for card in world.CARDS]
    cards.append((f"`{world.UNKNOWN_CARD}`", "not there: nobody has it", "—"))
    goods = [
        (f"`{each.sku}`", each.title, f"`{each.group}`", money(each.price_minor), each.unit, each.shows)
        for each in world.PRODUCTS
    ]
    promotions = [
        (f"`{document['promotion']}`", document["title"]["en"], document["title"]["ru"])
        for document in programme()
        if "promotion" in document
    ]
    parts = [
        TOP,
        f"\n## Store and registers\n\nStore `{world.STORE}`, {world.CURRENCY} with {world.EXPONENT} digits,"
        f" {world.ZONE}; registers {', '.join(f'`{name}`' for name in world.REGISTERS)}."
        f" Points are `{world.ASSET}`, whole ones.\n",
        "\n## Cards\n\n",
        table(("card", "shows", "phone"), cards),
        "\n## Goods\n\n",
        table(("SKU", "name", "group", "price", "unit", "shows"), goods),
        MIDDLE,
        "\n## Promotions\n\n",
        table(("id", "what", "по-русски"), promotions),
        BEFORE_EXAMPLES % json.dumps(HEAD, indent=2),
    ]
    for number, example in enumerate(examples(), 1):
        request = dict(example.request)
        if "receipt" in request:
            request["receipt"] = {name: value for name, value in request["receipt"].items() if HEAD.get(name) != value}
        key = "" if example.key_of == world.REGISTERS[0] else f" with the key of `{example.key_of}`"
        parts.append(f"\n### {number}. {example.title}\n\n{example.says}\n\n`{example.call}`{key}\n\n")
        parts.append(f"```json\n{dumped(request)}\n```\n\nis answered\n\n")
        parts.append(f"```json\n{dumped(replies()[example.title])}\n```\n")
    return "".join(parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def dumped(found: object, depth: int = 0) -> str:
    """JSON that keeps what fits on a line on one line."""
    flat = json.dumps(found, ensure_ascii=False)
    inner, outer = "  " * (depth + 1), "  " * depth
    if len(flat) + len(outer) <= 110 and depth:
        return flat
    if isinstance(found, dict) and found:
        rows = [f"{inner}{json.dumps(name)}: {dumped(value, depth + 1)}" for name, value in found.items()]
        return "{\n" + ",\n".join(rows) + f"\n{outer}}}"
    if isinstance(found, list) and found:
        return "[\n" + ",\n".join(inner + dumped(value, depth + 1) for value in found) + f"\n{outer}]"
    return flat


def money(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"

"""``altyn reasons``: the catalogue of reason codes; one code, all of them, or the page of the documentation.

``altyn reasons --markdown > docs/register/reasons.md`` writes the page anew after a change of the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import orjson
import typer

from altyn.cli.options import AsJson
from altyn.infra.errors import Trouble
from altyn.register.reasons import Reason, catalogue

app = typer.Typer(add_completion=False)

HEAD = """\
# Reason codes

<!-- Written by `altyn reasons --markdown` from register/reasons.json: change that file, then write this one anew. -->

Every "no" of the server has one stable code. The same table for programs: `reasons.json` in the package
`altyn.register` (`altyn reasons --json`); one code in the terminal: `altyn reasons PRICE_CHANGED`. Numbers and names
are never reused. A code that is not in the table comes from a newer server: act on the status alone, show nothing.

The status decides what happens to the operation; the code only explains it.

| status | what the till does |
| --- | --- |
| `OK` | done; look at `exceptions` and `outcome.flags` |
| `DECLINED` | final for this `op_id`: change what is asked, or go on without; never send the same `op_id` again |
| `CONFLICT` | final: another content was stored under this `op_id` or receipt; a person looks |
| `QUARANTINED` | final for the till: the fact is stored, a person decides |
| `PARKED` | final for the till: the return is stored and waits for its sale |
| gRPC `UNAVAILABLE`, `DEADLINE_EXCEEDED`, a broken stream | nobody knows: the same bytes again, later |
| gRPC `INVALID_ARGUMENT` | the bytes will never do: set the operation apart, call a person |
| gRPC `UNAUTHENTICATED`, `PERMISSION_DENIED` | keep everything queued until the key is right |

**As** tells where a code comes: a status of the reply, `FLAG` in `outcome.flags`, `EXCEPTION` in `exceptions` (the
receipt is stored all the same), `COUPON` in `outcome.coupons`, `LIMIT` in `max_redeem.limited_by`, `TENDER` in
`outcome.tenders`, `INFO` beside OK, `OFFICE` to the back office alone.
**Again**: `NEVER`; `SAME_BYTES` as saved; `AS_NEW_OPERATION` with a new `op_id`; `AFTER_A_FIX` of what was sent.
`{points}` and `{to_pay}` are taken from the reply. Codes marked `(not yet)` are in the contract, and servers of this
version never give them.
"""


@app.command()
def run(
    code: Annotated[str | None, typer.Argument(help="One code, with or without its prefix.")] = None,
    as_json: AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="The page docs/register/reasons.md.")] = False,
) -> None:
    """Tell what a code means, in English and Russian, what the till does and what the cashier sees."""
    known = catalogue()
    found = known.of(code) if code else (*known.reasons.values(), *known.error_reasons.values())
    if not found:
        raise Trouble(f"no such reason code: {code}")
    if as_json:
        print(orjson.dumps({"reasons": [asdict(reason) for reason in found]}).decode())
    elif markdown:
        print(page(), end="")
    elif code:
        print("\n\n".join(told(reason) for reason in found))
    else:
        for reason in found:
            print(f"{reason.code:28} {reason.en}")


def told(reason: Reason) -> str:
    """One code, for a terminal."""
    rows = {
        reason.code: f"{_place(reason)}, number {reason.number}",
        "  en": reason.en,
        "  ru": reason.ru,
        "  till": reason.till,
        "  cashier": " · ".join(filter(None, (reason.cashier_en, reason.cashier_ru))) or "sees nothing",
        "  again": reason.again,
        "  calls": ", ".join(reason.calls) or "none of a register",
    }
    return "\n".join(f"{name:28} {text}" for name, text in rows.items())


def page() -> str:
    """The text of docs/register/reasons.md."""
    known = catalogue()
    parts = [HEAD, "\n## Answers\n\n", _table(known.reasons.values())]
    parts += [
        "\n## Errors of the call\n\n`google.rpc.ErrorInfo.reason` in domain `altyn`; a field at fault is a"
        " `google.rpc.BadRequest` violation.\n\n",
        _table(known.error_reasons.values()),
    ]
    return "".join(parts)


def _place(reason: Reason) -> str:
    return ", ".join(reason.given_as) + ("" if reason.is_given else " (not yet)")


def _table(reasons: Iterable[Reason]) -> str:
    lines = [
        "| no | code | as | means | по-русски | the till | the cashier sees | again | calls |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for reason in reasons:
        cashier = "<br>".join(filter(None, (reason.cashier_en, reason.cashier_ru))) or "—"
        cells = (
            *(str(reason.number), f"`{reason.code}`", _place(reason), reason.en, reason.ru),
            *(reason.till or "—", cashier, reason.again, ", ".join(reason.calls) or "—"),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"

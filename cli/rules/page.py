"""``python -m altyn.cli.rules.page``: the reference of lint codes, written from the table of codes itself.

``make docs`` puts it into docs/rules-lint.md; a test compares the two.
"""

from __future__ import annotations

from altyn.core.rules.checks.codes import KINDS, Kind, Severity

HEAD = """# What the lint tells

<!-- Written by `make docs` from core/rules/checks/codes.py: do not edit. -->

`altyn rules lint FILE` reads rule documents and tells what can hardly be meant, or may cost more than was meant; so
does `POST /v1/promotions/validate`, which knows neither a catalogue nor the day. Nothing is told that is not certain
from the documents, the catalogue and the day, odd kopecks aside. Each remark has a stable code, a severity,
the place in the document, and how to mend it, in English or Russian (`--lang ru`).

| option | effect |
| --- | --- |
| `--catalogue FILE` | prices, costs, goods and coupon series are judged by it (below) |
| `--at 2027-03-01` | the day to look from, today by default |
| `--deep 70` | from which stacked discount, in percent, STACK_DEEP is told |
| `--products 20000` | most products whose discounts are added up; 0 leaves stacks out |
| `--least warning` | leaves hints out; `error` leaves warnings out too |
| `--strict` | exit status 1 for warnings, as for errors |
| `--defaults` | prints the documents with all defaults written out instead |
| `--json` | one object: `problems`, `remarks` (path, code, severity, message, mend, details), `documents` |

Exit status: 0 when nothing ruinous was found, 1 when the documents cannot be read or compiled or there is an error, 2
for a wrong call.

**A catalogue** is a mapping of SKUs to `group_id`, `brand_id`, `supplier_id`, `price_minor`, `min_price_minor` and
`cost_minor`, all optional; or such a mapping under `catalogue`, with `coupon_series: […]` beside it.

**Stacks.** For every product of the catalogue (without one, for every value the documents name, and for shares of the
price only) the promotions that may meet are freed of place, time, customer and codes, as far as these do not contradict
one another, and tried by the calculator itself, with the real groups, floors and caps, in the quantities that
thresholds and sets ask for. A stack that is told can happen; there may be a worse one that needs other goods on the
receipt.
"""

SEVERITIES = {
    Severity.ERROR: "money is lost: do not publish",
    Severity.WARNING: "something does not do what was written",
    Severity.HINT: "worth a look",
}


COLUMNS = "| code | what is told | how to mend it |\n| --- | --- | --- |\n"


def page() -> str:
    parts = [HEAD]
    for severity, meaning in SEVERITIES.items():
        parts.append(f"\n## {severity.value.capitalize()}: {meaning}\n\n{COLUMNS}")
        parts += [_row(code, kind) for code, kind in sorted(KINDS.items()) if kind.severity is severity]
    return "".join(parts)


def _row(code: str, kind: Kind) -> str:
    said = "<br>".join(_shown(kind.says[language]) for language in ("en", "ru"))
    mend = "<br>".join(_shown(kind.mend[language]) for language in ("en", "ru"))
    return f"| `{code}` | {said} | {mend} |\n"


def _shown(text: str) -> str:
    """A detail stands as its name in capitals."""
    made = text.replace("{more}", "").replace("{{", "\x01").replace("}}", "\x02")
    for name in sorted({part.split("}")[0] for part in made.split("{")[1:]}, key=len, reverse=True):
        made = made.replace("{" + name + "}", name.upper())
    return made.replace("\x01", "{").replace("\x02", "}").replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")

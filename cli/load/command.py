"""``altyn load``: load tests. Registers for one, a run against a system of its own or a remote one, the check after.

Locust does the loading (``loadtests/``); this command surrounds it. Exit status 0 only when every threshold holds and
nothing acknowledged is lost, doubled or different.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from altyn.cli.load.registers import BackOffice, make_registers, write_registers
from altyn.cli.load.run import LoadRun, run_local, run_remote
from altyn.cli.load.told import Compared, compare
from altyn.cli.options import AsJson, Var, say, settings_with
from altyn.cli.verify.command import pepper_of, reachable_postgres
from altyn.infra.errors import Trouble
from altyn.loadtests.ledger import ledgers_of

app = typer.Typer(help="Load tests: registers, runs, the check afterwards.", no_args_is_help=True, add_completion=False)

Out = Annotated[Path, typer.Option(metavar="DIR", help="Where report and ledgers go.")]


@app.callback()
def load() -> None:
    """Load tests: registers, runs, the check afterwards."""


@app.command()
def registers(
    admin: Annotated[str, typer.Option(metavar="URL", help="The back office: https://…, or http on this machine.")],
    key_file: Annotated[Path, typer.Option(metavar="FILE", exists=True, help="Its key, with scope stores:write.")],
    stores: Annotated[int, typer.Option(min=1, max=1000, help="How many stores.")] = 4,
    per_store: Annotated[int, typer.Option(min=1, max=1000, help="How many registers in each.")] = 10,
    prefix: Annotated[str, typer.Option(help="Begins the ids of all stores and registers.")] = "load",
    zone: Annotated[str, typer.Option(help="The stores' IANA zone.")] = "Etc/UTC",
    region: Annotated[str, typer.Option(help="The stores' region.")] = "",
    currency: Annotated[str, typer.Option(help="As the stock's receipts have it; the demonstration's is USD.")] = "USD",
    exponent: Annotated[int, typer.Option(min=0, max=4, help="Digits of the currency's minor unit.")] = 2,
    ca: Annotated[Path | None, typer.Option(metavar="FILE", exists=True, help="Root certificates.")] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file to write, readable by its owner.")] = Path(
        "registers.json"
    ),
) -> None:
    """Make stores and registers with keys through the back office; saying it again issues new keys."""
    office = BackOffice(admin, key_file.read_text("utf-8").strip(), ca)
    store = {"zone": zone, "region": region, "currency": currency, "exponent": exponent}
    made = make_registers(office, prefix=prefix, stores_count=stores, registers_count=per_store, store=store)
    write_registers(out, made)
    say(f"{len(made)} registers of {stores} stores; their keys are in {out}")


@app.command()
def run(
    shape: Annotated[str, typer.Option(help="steady, morning, peak, soak or outage.")] = "steady",
    seconds: Annotated[int, typer.Option(min=5, help="How long.")] = 60,
    users: Annotated[int, typer.Option(min=1, help="Tills; there must be as many registers.")] = 30,
    receipts_per_s: Annotated[float, typer.Option(min=0.001, help="Of each till; five calls each.")] = 1.0,
    pacing: Annotated[str, typer.Option(help="open or closed.")] = "open",
    faults_ppm: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="Receipts with something wrong in them.")
    ] = 50_000,
    store_forward_ppm: Annotated[int, typer.Option(min=0, max=1_000_000, help="Tills with a file.")] = 200_000,
    thresholds: Annotated[Path | None, typer.Option(metavar="FILE", exists=True, help="name: number")] = None,
    threshold: Annotated[list[str] | None, typer.Option(metavar="NAME=NUMBER", help="May be repeated.")] = None,
    target: Annotated[str, typer.Option(metavar="HOST:PORT", help="A running server; else one is started.")] = "",
    registers_file: Annotated[Path | None, typer.Option("--registers", metavar="FILE", exists=True)] = None,
    tls: Annotated[str, typer.Option(help="File of root certificates, or 'system'.")] = "",
    stock: Annotated[str, typer.Option(metavar="FILE", help="Receipts to sell; else the demonstration's.")] = "",
    metrics_url: Annotated[str, typer.Option(metavar="URL", help="The server's Prometheus page.")] = "",
    out: Out = Path("load-report"),
    var: Var = None,
    as_json: AsJson = False,
) -> None:
    """A load test: all of Altyn is started on this machine, unless --target names a running server."""
    wanted = LoadRun(
        shape=shape,
        seconds=seconds,
        users=users,
        out=out.absolute(),
        options={
            "receipts-per-s": receipts_per_s,
            "pacing": pacing,
            "faults-ppm": faults_ppm,
            "store-forward-ppm": store_forward_ppm,
            "thresholds": thresholds or "",
            "tls": tls,
            "stock": stock,
            "metrics-url": metrics_url,
        },
        thresholds=tuple(threshold or ()),
    )
    wanted.require_new()
    if target:
        if registers_file is None:
            raise Trouble("--registers: a remote target needs a file of registers; see altyn load registers")
        status = run_remote(wanted, target, registers_file)
        settings = settings_with(var)
        dsn, pepper = settings.postgres_dsn, pepper_of(settings)
        compared = asyncio.run(compare(dsn, ledgers_of(wanted.out / "told"), pepper=pepper)) if dsn else None
        if compared is None:
            say(f"not compared with the journal: no ALTYN_POSTGRES_DSN; later: altyn load check {wanted.out}")
    else:
        status, compared = run_local(wanted, var)
    _end(wanted.out, status, compared, as_json)


@app.command()
def check(
    out: Annotated[Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="--out of the run.")],
    var: Var = None,
    as_json: AsJson = False,
) -> None:
    """What users of a run were told, against the journal; altyn verify checks the rest of it."""
    settings = settings_with(var)
    with reachable_postgres(settings) as dsn:
        compared = asyncio.run(compare(dsn, _ledgers(out), pepper=pepper_of(settings)))
    _end(out, 0, compared, as_json)


def _ledgers(out: Path) -> list[Path]:
    found = ledgers_of(out / "told")
    if not found:
        raise Trouble(f"{out}: no ledgers of a run in it")
    return found


def _end(out: Path, status: int, compared: Compared | None, as_json: bool) -> None:
    if compared is not None:
        (out / "compared.json").write_bytes(orjson.dumps(compared.as_json(), option=orjson.OPT_INDENT_2))
        if not as_json:
            print(as_text(compared))
        status = status or (0 if compared.is_clean else 1)
    if as_json:
        report = out / "report.json"
        told: dict[str, Any] = orjson.loads(report.read_bytes()) if report.exists() else {}
        told.pop("timeline", None)
        print(orjson.dumps(told | {"compared": compared and compared.as_json(), "status": status}).decode())
    raise typer.Exit(status)


def as_text(compared: Compared) -> str:
    lines = [
        f"acked {compared.acked}, lost {compared.lost}, doubled {compared.doubled}, differing {compared.differing}",
        f"repeats {compared.repeats}, unanswered {compared.unanswered} ({compared.unanswered_stored} of them stored)",
        f"receipts {compared.receipts_acked}, to pay {compared.to_pay_told_minor} told, "
        f"{compared.to_pay_journal_minor} in the journal",
    ]
    return "\n".join([*lines, *compared.violations])

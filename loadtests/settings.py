"""What a run is told: Locust's own options and these, each also by an environment variable ``ALTYN_LOAD_…``.

``--shape`` is a variable only (``ALTYN_LOAD_SHAPE``): Locust chooses shapes before it reads options.
"""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

PACINGS = ("open", "closed")
#: Made in ``--out`` when the first user is about to start.
BEGAN = "began"
OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("target", {"default": "127.0.0.1:50051", "help": "The registers' door: host:port or unix:/path"}),
    ("registers", {"default": "", "help": "JSON file of registers and their keys (altyn load registers)"}),
    ("tls", {"default": "", "help": "TLS: a file of root certificates, or 'system'"}),
    ("stock", {"default": "", "help": "JSON file of receipts to sell; empty: the demonstration's baskets"}),
    ("baskets", {"type": int, "default": 2000, "help": "How many of the demonstration's baskets"}),
    ("pacing", {"choices": PACINGS, "default": "open", "help": "open: planned starts; closed: after the last reply"}),
    ("receipts-per-s", {"type": float, "default": 1.0, "help": "Receipts a second of each user"}),
    ("backlog-max", {"type": int, "default": 20, "help": "Planned receipts that may wait for one user"}),
    ("scan-gap-ms", {"type": float, "default": 50.0, "help": "Planned time from one call of a receipt to the next"}),
    ("forecasts", {"type": int, "default": 4, "help": "CalculateReceipt calls of one receipt"}),
    ("call-timeout-s", {"type": float, "default": 5.0, "help": "Deadline of one call"}),
    ("faults-ppm", {"type": int, "default": 50_000, "help": "Receipts with something wrong in them, in millionths"}),
    (
        "store-forward-ppm",
        {"type": int, "default": 200_000, "help": "Users with a store-and-forward file, in millionths"},
    ),
    ("seed", {"type": int, "default": 1, "help": "Chooses starts, baskets and faults"}),
    ("metrics-url", {"default": "", "help": "The server's Prometheus page, looked at before and after"}),
    ("out", {"default": "load-report", "help": "Folder of the report and of what users were told"}),
    ("thresholds", {"default": "", "help": "YAML or JSON file: name: number"}),
    ("threshold", {"action": "append", "default": [], "help": "name=number; may be repeated"}),
)


class SettingWrong(ValueError):
    """A run cannot begin like this; the text names the option."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A register and its credential."""

    store_id: str
    register_id: str
    key: str


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """The options, checked."""

    target: str
    registers: tuple[Identity, ...]
    tls: str
    stock: str
    baskets: int
    pacing: str
    receipts_per_s: float
    backlog_max: int
    scan_gap_us: int
    forecasts: int
    call_timeout_s: float
    faults_ppm: int
    seed: int
    metrics_url: str
    out: Path

    @property
    def receipt_us(self) -> int:
        """How long a receipt takes at a till by plan."""
        return self.forecasts * self.scan_gap_us

    @classmethod
    def of(cls, options: Namespace) -> LoadSettings:
        """Raises SettingWrong, OSError."""
        for name, least in (
            ("receipts_per_s", 0.0001),
            ("backlog_max", 1),
            ("forecasts", 0),
            ("call_timeout_s", 0.001),
        ):
            if getattr(options, name) < least:
                raise SettingWrong(f"--{name.replace('_', '-')}: at least {least}")
        for name in ("faults_ppm", "store_forward_ppm"):
            if not 0 <= getattr(options, name) <= 1_000_000:
                raise SettingWrong(f"--{name.replace('_', '-')}: from 0 to 1000000")
        if not 0 <= options.forecasts * options.scan_gap_ms * options.receipts_per_s < 1000:
            raise SettingWrong("--scan-gap-ms: times --forecasts it must fit into the time between two receipts")
        registers = read_registers(options.registers)
        if not options.tls and not stays_on_this_machine(options.target):
            raise SettingWrong(f"--target {options.target}: keys would travel unprotected; give --tls")
        return cls(
            options.target,
            registers,
            options.tls,
            options.stock,
            options.baskets,
            options.pacing,
            options.receipts_per_s,
            options.backlog_max,
            round(options.scan_gap_ms * 1000),
            options.forecasts,
            options.call_timeout_s,
            options.faults_ppm,
            options.seed,
            options.metrics_url,
            Path(options.out).absolute(),
        )


def add_options(parser: Any) -> None:
    """To Locust's parser."""
    for name, how in OPTIONS:
        parser.add_argument(f"--{name}", env_var="ALTYN_LOAD_" + name.upper().replace("-", "_"), **how)


def read_registers(path: str) -> tuple[Identity, ...]:
    """The file ``altyn load registers`` writes. Raises SettingWrong, OSError."""
    if not path:
        raise SettingWrong("--registers: a file of registers and keys is needed; see altyn load registers")
    try:
        found = tuple(
            Identity(one["store_id"], one["register_id"], one["key"]) for one in json.loads(Path(path).read_text())
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SettingWrong(f"--registers {path}: not a list of store_id, register_id, key: {error!r}") from error
    if not found:
        raise SettingWrong(f"--registers {path}: no register in it")
    return found


def tls_credentials(tls: str) -> grpc.ChannelCredentials | None:
    """None without TLS. Raises OSError."""
    if not tls:
        return None
    return grpc.ssl_channel_credentials(None if tls == "system" else Path(tls).read_bytes())


def stays_on_this_machine(target: str) -> bool:
    """A loopback address or a unix socket."""
    host = target.removeprefix("dns:").removeprefix("ipv4:").removeprefix("ipv6:").lstrip("/").rpartition(":")[0]
    return target.startswith(("unix:", "unix-abstract:")) or host in ("127.0.0.1", "localhost", "[::1]")

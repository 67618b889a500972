"""A processing server as a child process that may be killed, frozen and started again at the address it had."""

from __future__ import annotations

import random
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

from altyn.cli.chaos.small_world import OPS_KEY, PEPPER, TENANT
from altyn.infra.processes import Child, ChildFailed, start_children, stop_process
from altyn.infra.settings import Settings

READY_PATIENCE_S = 60.0
STOP_PATIENCE_S = 20.0
ANY_PORT = "127.0.0.1:0"
HOST = "127.0.0.1"
# Below what Linux takes for outgoing connections: one of those would keep a server that is down from coming back.
KEPT_PORTS = range(15_000, 32_000)
TRIES_MAX = 100


def address_to_keep() -> str:
    """A free address that only another such choice could take while its server is down. OSError when none is free."""
    for port in random.sample(KEPT_PORTS, TRIES_MAX):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return f"{HOST}:{port}"
    raise OSError(f"none of {TRIES_MAX} ports tried between {KEPT_PORTS.start} and {KEPT_PORTS.stop} is free")


@dataclass
class ServerProcess:
    """One server of the small world. The addresses of tills and operations are chosen here and kept by each start."""

    dsn: str
    redis_url: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    child: Child | None = None
    grpc_address: str = field(default_factory=address_to_keep)
    ops_address: str = field(default_factory=address_to_keep)
    metrics_address: str = ""
    json_address: str = ""

    def settings(self) -> Settings:
        return Settings(
            var=self.folder,
            postgres_dsn=self.dsn,
            redis_url=self.redis_url,
            grpc_listen=self.grpc_address,
            ops_listen=self.ops_address,
            metrics_listen=ANY_PORT,
            tenant_id=TENANT,
            pepper=PEPPER,
            ops_key=OPS_KEY,
        )

    def start(self) -> None:
        """Start it and wait until its doors are open. ChildFailed. From the main thread only."""
        self.child = Child(
            "server",
            [sys.executable, "-m", "altyn.server"],
            log=self.folder / "server.log",
            environment=self.settings().environment() | self.environment,
        )
        ready = start_children([self.child], READY_PATIENCE_S)["server"]
        self.grpc_address, self.ops_address = ready["grpc"], ready["ops"]  # the environment may have said others
        self.metrics_address, self.json_address = ready["metrics"], ready.get("json", "")

    def kill(self) -> None:
        """As a power cut would."""
        assert self.child is not None
        self.child.process.send_signal(signal.SIGKILL)
        self.child.process.wait()

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        assert self.child is not None
        return stop_process(self.child.process, [(signal.SIGTERM, STOP_PATIENCE_S)])

    def require_running(self) -> None:
        """ChildFailed, with the end of its log, when it has ended by itself."""
        if self.child is None:
            raise ChildFailed("the server was not started")
        self.child.check()

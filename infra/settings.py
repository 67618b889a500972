"""What one installation of Altyn is told from outside: the environment, read once, typed and frozen.

Every setting is ``ALTYN_<NAME>``; command-line options override by keyword. Invariants: a settings object never
changes; printing it (``describe``) never shows a password or a key; keys that are not given are made once, in files
only the owner may read. It must never be read by ``altyn.core`` and never touches the network.
"""

from __future__ import annotations

import os
import secrets as randomness
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from altyn.infra.zones import load_zone

PREFIX = "ALTYN_"
SECRET_BYTES = 32
_MASK = "***"


def split_address(address: str) -> tuple[str, int]:
    """``host:port`` (IPv6: ``[::1]:port``) → (host, port); port 0 asks for a free one. Raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"expected host:port with a port of 0..65535, got {address!r}")
    return host.strip("[]"), int(port)


def mask_url(url: str) -> str:
    """The same URL with the password, if any, replaced by ``***``."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    credentials, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{credentials.split(':', 1)[0]}:{_MASK}@{place}"))


class Settings(BaseSettings):
    """Settings of every process; each reads the few it needs."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    var: Path = Field(default=Path("var"), description="directory of everything stored on this machine")
    postgres_dsn: str = Field(default="", repr=False, description="PostgreSQL to use; empty: embedded under var")
    redis_url: str = Field(default="", repr=False, description="Redis or Valkey to use; empty: embedded under var")

    grpc_listen: str = Field(default="127.0.0.1:50051", description="address of the registers' door; unix:/path too")
    door: Literal["auto", "h2", "grpc_aio"] = Field(
        default="auto", description="what serves gRPC: compiled or portable; auto: compiled where it was built"
    )
    tls_certificate: str = Field(
        default="", description="PEM file: certificate of the registers' doors, with its chain; empty: plaintext"
    )
    tls_key: str = Field(default="", description="PEM file: its key, not encrypted")
    tls_clients_ca: str = Field(
        default="", description="PEM file: registers must show a certificate this CA has signed; empty: they need none"
    )
    plaintext: bool = Field(
        default=False, description="doors without TLS may be reached from other machines: a private network, or a proxy"
    )
    connections_max: int = Field(default=8_192, ge=1, le=65_536, description="of the registers' gRPC door at a time")
    connections_of_address_max: int = Field(
        default=4_096, ge=1, le=65_536, description="of them from one address, at the compiled door; a proxy is one"
    )
    register_calls_per_s: int = Field(
        default=0, ge=0, le=100_000, description="of one register, after a burst of four seconds' worth; 0: any number"
    )
    json_listen: str = Field(default="", description="address of the registers' door for JSON over HTTP; empty: none")
    json_connections_max: int = Field(default=1_024, ge=1, le=65_536, description="of that door at a time")
    json_connections_of_address_max: int = Field(
        default=512, ge=1, le=65_536, description="of them from one address; a proxy is one"
    )
    uds_asset: str = Field(
        default="",
        max_length=64,
        description="points that the UDS partner protocol at the JSON door speaks of; empty: no such",
    )
    uds_currency: str = Field(default="RUB", pattern="^[A-Z]{3}$", description="money of that protocol, of two digits")
    ops_listen: str = Field(
        default="127.0.0.1:50052", description="address of the management door, the back office's into the server"
    )
    ops_tls_certificate: str = Field(
        default="", description="PEM file: certificate this process shows at the management door; empty: plaintext"
    )
    ops_tls_key: str = Field(default="", description="PEM file: its key, not encrypted")
    ops_tls_ca: str = Field(default="", description="PEM file: the CA that has signed the other side's certificate")
    admin_listen: str = Field(default="127.0.0.1:8080", description="address of the back office")
    metrics_listen: str = Field(default="127.0.0.1:9464", description="address of the server's metrics")
    admin_metrics_listen: str = Field(default="127.0.0.1:9465", description="address of the back office's metrics")

    console_url: str = Field(
        default="", description="where browsers find the back office, as https://office.example.com; OIDC needs it"
    )
    oidc_issuer: str = Field(
        default="",
        description="identity provider people may sign in by, as its discovery document names it; empty: none",
    )
    oidc_client_id: str = Field(default="", max_length=256, description="the name the provider knows the console by")
    oidc_client_secret: str = Field(
        default="", repr=False, max_length=512, description="the secret it gave the console; empty: a public client"
    )
    oidc_scope: str = Field(default="openid email", max_length=512, description="what is asked of the provider")
    oidc_groups_claim: str = Field(default="groups", max_length=128, description="claim that lists somebody's groups")
    oidc_roles: str = Field(
        default="",
        max_length=65_536,
        description='JSON: {"group": ["ROLE", "ROLE@STORE:s1"]}; empty: roles are granted here alone',
    )
    oidc_acr: str = Field(
        default="", max_length=512, description="`acr` values that prove a second factor, by blanks; they are asked for"
    )
    oidc_second_factor: Literal["told", "always"] = Field(
        default="told", description="always: the provider asks everybody for one; told: its `amr` or `acr` must say so"
    )
    traces_url: str = Field(
        default="",
        description="OTLP/HTTP address of spans of calls, http://host:4318/v1/traces; empty: none",
    )
    traces_ppm: int = Field(
        default=10_000, ge=0, le=1_000_000, description="calls of a million that are told, beside those of kept traces"
    )

    tenant_id: str = Field(
        default="demo",
        min_length=1,
        max_length=64,
        pattern=r"^[a-z0-9][a-z0-9_-]*$",
        description="the retailer whose tills are served",
    )
    tenant_zone: str = Field(default="Europe/Moscow", description="IANA zone of the tenant's calendar")

    pepper: str = Field(
        default="", repr=False, description="key of stored card hashes, 16 bytes or more in hex; empty: var/secrets"
    )
    token_key: str = Field(default="", repr=False, description="key that signs calculation tokens, as the pepper")
    ops_key: str = Field(
        default="", repr=False, description="key the back office shows to the server, as the pepper; the same for both"
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level told")
    log_format: Literal["auto", "json", "pretty"] = Field(default="auto", description="auto: pretty on a terminal")
    unsafe_durability: bool = Field(default=False, description="development only: start although commits may be lost")

    @field_validator("var")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator(
        "grpc_listen", "json_listen", "ops_listen", "admin_listen", "metrics_listen", "admin_metrics_listen"
    )
    @classmethod
    def _address(cls, value: str, field: ValidationInfo) -> str:
        is_none = field.field_name == "json_listen" and not value
        is_socket = field.field_name in ("grpc_listen", "ops_listen") and value.startswith("unix:/")
        if not is_none and not is_socket:
            split_address(value)
        return value

    @model_validator(mode="after")
    def _tls(self) -> Settings:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key are given together")
        if self.tls_clients_ca and not self.tls_certificate:
            raise ValueError("tls_clients_ca wants tls_certificate and tls_key")
        if len({bool(self.ops_tls_certificate), bool(self.ops_tls_key), bool(self.ops_tls_ca)}) > 1:
            raise ValueError("ops_tls_certificate, ops_tls_key and ops_tls_ca are given together")
        return self

    @model_validator(mode="after")
    def _oidc(self) -> Settings:
        if self.oidc_issuer and not (self.oidc_client_id and self.console_url):
            raise ValueError("oidc_issuer wants oidc_client_id and console_url")
        return self

    @field_validator("console_url", "oidc_issuer")
    @classmethod
    def _site(cls, value: str, field: ValidationInfo) -> str:
        parts = urlsplit(value)
        is_near = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
        if value and (not parts.hostname or not (parts.scheme == "https" or is_near) or parts.query or parts.fragment):
            raise ValueError(f"expected https://host, or http on this machine, got {value!r}")
        return value.rstrip("/") if field.field_name == "console_url" else value

    @field_validator("traces_url")
    @classmethod
    def _traces(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
            raise ValueError("expected http://host:port/path or https://")
        return value

    @field_validator("tenant_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            load_zone(value)
        except KeyError as error:
            raise ValueError(str(error.args[0])) from None
        return value

    @field_validator("pepper", "token_key", "ops_key")
    @classmethod
    def _key(cls, value: str) -> str:
        if value and len(_from_hex(value)) < 16:
            raise ValueError("expected at least 16 bytes in hexadecimal")
        return value

    def describe(self) -> dict[str, str]:
        """Every setting as text, fit to print: no password, no key."""
        shown = {name: str(getattr(self, name)) for name in type(self).model_fields}
        for name in ("postgres_dsn", "redis_url"):
            shown[name] = mask_url(shown[name]) or "embedded"
        for name in ("pepper", "token_key", "ops_key"):
            shown[name] = _MASK if shown[name] else "var/secrets"
        shown["oidc_client_secret"] = _MASK if shown["oidc_client_secret"] else ""
        return shown

    def environment(self) -> dict[str, str]:
        """The ``ALTYN_*`` variables from which a child process reads equal settings."""
        return {PREFIX + name.upper(): _as_text(getattr(self, name)) for name in type(self).model_fields}


@dataclass(frozen=True, slots=True)
class Secrets:
    """The keys of one installation; 16 bytes or more each. Losing the pepper makes stored lookups unfindable."""

    pepper: bytes = field(repr=False)
    token_key: bytes = field(repr=False)
    ops_key: bytes = field(repr=False)


def load_secrets(settings: Settings) -> Secrets:
    """The given keys; the missing ones are read from ``var/secrets``, made there on first use (mode 0600)."""
    folder = settings.var / "secrets"
    return Secrets(
        *(
            bytes.fromhex(getattr(settings, name) or secret_file(folder / name))
            for name in ("pepper", "token_key", "ops_key")
        )
    )


def secret_file(path: Path) -> str:
    """The hexadecimal secret kept in a file, made when missing; two processes that race read the same one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        pass
    draft = path.with_name(f".{path.name}.{randomness.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(randomness.token_hex(SECRET_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text("ascii").strip()


def _from_hex(value: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except ValueError as error:
        raise ValueError("expected hexadecimal digits") from error


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

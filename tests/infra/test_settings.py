"""The environment as settings, and what is shown of it."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from altyn.infra.settings import Settings, load_secrets, mask_url, secret_file, split_address


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("ALTYN_"):
            monkeypatch.delenv(name)


def test_settings_of_an_empty_environment_are_those_of_a_newcomer() -> None:
    settings = Settings()
    assert settings.var == Path("var").absolute()
    assert (settings.postgres_dsn, settings.redis_url) == ("", "")
    assert (settings.tenant_id, settings.tenant_zone) == ("demo", "Europe/Moscow")


def test_settings_come_from_the_environment_and_options_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALTYN_VAR", "/somewhere")
    monkeypatch.setenv("ALTYN_TENANT_ID", "shop")
    monkeypatch.setenv("ALTYN_REDIS_URL", "")
    settings = Settings(tenant_id="other")
    assert (settings.var, settings.tenant_id, settings.redis_url) == (Path("/somewhere"), "other", "")


def test_settings_never_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().tenant_id = "x"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grpc_listen", "50051"),
        ("admin_listen", "localhost:99999"),
        ("tenant_zone", "Europe/Nowhere"),
        ("tenant_id", "Кириллица"),
        ("pepper", "xyz"),
        ("token_key", "00ff"),
        ("log_level", "loud"),
        ("console_url", "office.example.com"),
        ("oidc_issuer", "http://id.example.com"),
        ("oidc_issuer", "https://id.example.com/realm?x=1"),
        ("oidc_issuer", "https://id.example.com"),  # without a client and the console's own address
        ("oidc_second_factor", "never"),
    ],
)
def test_settings_with_a_wrong_value_name_the_field(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("ALTYN_" + name.upper(), value)
    with pytest.raises(ValidationError, match=name):
        Settings()


def test_settings_shown_hold_no_secret() -> None:
    key = "ab" * 16
    settings = Settings(
        postgres_dsn="postgresql://u:hush@h/db", redis_url="redis://:hush@h", pepper=key, oidc_client_secret="hush"
    )
    for text in (repr(settings), str(settings), str(settings.describe())):
        assert "hush" not in text and key not in text
    assert settings.describe()["postgres_dsn"] == "postgresql://u:***@h/db"


def test_settings_given_to_a_child_by_environment_are_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(var=Path("/x y"), unsafe_durability=True, pepper="ab" * 16, postgres_dsn="postgresql://u:p@/d")
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


def test_secrets_when_not_given_are_made_once_and_private(tmp_path: Path) -> None:
    settings = Settings(var=tmp_path, token_key="cd" * 20)
    secrets = load_secrets(settings)
    assert load_secrets(settings) == secrets
    assert secrets.token_key == bytes.fromhex("cd" * 20)
    assert len(secrets.pepper) == 32 and secrets.pepper != secrets.ops_key
    assert secrets.pepper.hex() not in repr(secrets)
    files = sorted((tmp_path / "secrets").iterdir())
    assert [file.name for file in files] == ["ops_key", "pepper"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_secret_file_asked_for_by_many_at_once_is_the_same_for_all(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: secret_file(tmp_path / "one"), range(32)))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("address", "parts"),
    [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:443", ("::1", 443)), ("host:65535", ("host", 65535))],
)
def test_split_address_of_host_and_port(address: str, parts: tuple[str, int]) -> None:
    assert split_address(address) == parts


@pytest.mark.parametrize("address", ["", ":1", "host", "host:", "host:-1", "host:65536", "host:٣"])
def test_split_address_of_anything_else_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        split_address(address)


def test_mask_url_without_a_password_is_unchanged() -> None:
    assert mask_url("unix:///run/valkey.sock") == "unix:///run/valkey.sock"

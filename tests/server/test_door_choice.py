"""Which door serves: the compiled one where it can, the portable one where it must, and no silent other."""

from __future__ import annotations

import sys

import pytest
from pydantic import ValidationError

from altyn.infra.settings import Settings
from altyn.server.app import address_of
from altyn.server.transport.door import built, choose


@pytest.fixture
def without_h2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "altyn.server.transport.h2.connection", None)


@pytest.mark.skipif(not built("h2"), reason="built without libnghttp2")
def test_compiled_door_serves_where_it_was_built() -> None:
    assert (choose("auto"), choose("h2"), choose("grpc_aio")) == ("h2", "h2", "grpc_aio")


@pytest.mark.usefixtures("without_h2")
def test_portable_door_serves_where_the_compiled_one_is_missing() -> None:
    assert (built("h2"), choose("auto"), choose("grpc_aio")) == (False, "grpc_aio", "grpc_aio")


@pytest.mark.usefixtures("without_h2")
def test_compiled_door_that_is_asked_for_and_missing_is_an_error_that_says_what_to_set() -> None:
    with pytest.raises(RuntimeError, match="ALTYN_DOOR=grpc_aio"):
        choose("h2")


@pytest.mark.parametrize("setting", ["grpc_listen", "ops_listen"])
def test_doors_listen_on_unix_sockets_too_and_say_so(setting: str) -> None:
    listen = getattr(Settings(**{setting: "unix:/run/altyn/door"}), setting)
    assert address_of(listen, 0) == "unix:/run/altyn/door"


@pytest.mark.parametrize(
    ("setting", "address"), [("admin_listen", "unix:/run/admin"), ("grpc_listen", "unix:relative")]
)
def test_other_listeners_and_relative_sockets_are_refused(setting: str, address: str) -> None:
    with pytest.raises(ValidationError, match=setting):
        Settings(**{setting: address})

"""When a certificate ends, as openssl says it."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altyn.infra.certificates import ends_at_s
from tests.server.certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ends") / "shop")


def der_of(certificate: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.read_text())


@pytest.mark.parametrize("days", [1, 90, 20_000])
def test_end_is_what_openssl_says(authority: Authority, days: int) -> None:
    """20,000 days lead beyond 2049, from where on the year has four digits."""
    made = authority.sign(f"till-{days}", days=days)
    told = subprocess.run(
        ["openssl", "x509", "-in", str(made), "-noout", "-enddate"], capture_output=True, text=True, check=True
    )
    ends = datetime.strptime(told.stdout.strip(), "notAfter=%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
    assert ends_at_s(der_of(made)) == ends.timestamp()


def test_what_is_cut_off_is_no_certificate(authority: Authority) -> None:
    der = der_of(authority.ca)
    for size in (0, 1, 5, len(der) - 1):
        with pytest.raises(ValueError, match="not a certificate"):
            ends_at_s(der[:size])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_certificate_or_a_value_error(noise: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(ends_at_s(noise), int)

"""The management listener over real sockets, and what the collectors put there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from altyn.infra.metrics import LAG_BOUNDS_S, LoopLag, MetricsDoor, histogram_of, new_registry

ANY_PORT = "127.0.0.1:0"


async def ask(port: int, head: bytes) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    status, _, body = answer.partition(b"\r\n\r\n")
    return int(status.split(b" ")[1]) if status else 0, body


def values(body: bytes) -> dict[str, float]:
    families = text_string_to_metric_families(body.decode())
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}


async def test_scrape_gives_what_the_collector_says_now_and_the_process_itself() -> None:
    level = 1

    def collect() -> Iterator[Metric]:
        yield GaugeMetricFamily("level", "Now.", value=level)

    door = MetricsDoor(new_registry(collect), ANY_PORT)
    await door.start()
    first = await ask(door.port, b"GET /metrics HTTP/1.1\r\n\r\n")
    level = 2
    second = await ask(door.port, b"GET /metrics?x=1 HTTP/1.0\r\nhost: a\r\n\r\n")
    await door.stop()
    assert (first[0], values(first[1])["level"], values(second[1])["level"]) == (200, 1, 2)
    assert values(second[1])["process_resident_memory_bytes"] > 1 << 20


async def test_scrape_that_asks_for_it_gets_the_binary_format() -> None:
    door = MetricsDoor(new_registry(), ANY_PORT)
    await door.start()
    accept = b"accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
    status, body = await ask(door.port, b"GET /metrics HTTP/1.1\r\n" + accept + b"\r\n\r\n")
    await door.stop()
    assert status == 200 and b"process_cpu_seconds_total" in body and b"# HELP" not in body


async def test_other_paths_methods_and_noise_are_refused_and_the_door_stays_open() -> None:
    door = MetricsDoor(new_registry(), ANY_PORT)
    await door.start()
    assert (await ask(door.port, b"GET /secrets HTTP/1.1\r\n\r\n"))[0] == 404
    assert (await ask(door.port, b"POST /metrics HTTP/1.1\r\n\r\n"))[0] == 405
    assert (await ask(door.port, b"x" * 20_000))[0] == 0
    assert await ask(door.port, b"HEAD /metrics HTTP/1.1\r\n\r\n") == (200, b"")
    assert await ask(door.port, b"GET /healthz HTTP/1.1\r\n\r\n") == (200, b"ok\n")
    await door.stop()


async def test_readiness_follows_what_is_said_while_the_process_is_alive() -> None:
    ready = True
    door = MetricsDoor(new_registry(), ANY_PORT, is_ready=lambda: ready)
    await door.start()
    assert await ask(door.port, b"GET /readyz HTTP/1.1\r\n\r\n") == (200, b"ok\n")
    ready = False
    assert await ask(door.port, b"GET /readyz HTTP/1.1\r\n\r\n") == (503, b"stopping\n")
    assert (await ask(door.port, b"GET /healthz HTTP/1.1\r\n\r\n"))[0] == 200
    await door.stop()


async def test_store_that_cannot_be_asked_costs_nothing_but_freshness() -> None:
    async def refresh() -> None:
        raise OSError("away")

    door = MetricsDoor(new_registry(), ANY_PORT, refresh)
    await door.start()
    status, body = await ask(door.port, b"GET /metrics HTTP/1.1\r\n\r\n")
    await door.stop()
    assert status == 200 and b"process_cpu_seconds_total" in body


async def test_address_that_is_taken_leaves_the_service_without_metrics_and_alive() -> None:
    first = MetricsDoor(new_registry(), ANY_PORT)
    await first.start()
    second = MetricsDoor(new_registry(), first.address)
    await second.start()
    assert (second.port, second.address) == (0, "")
    await second.stop()
    await first.stop()


def test_histogram_is_cumulative_and_ends_with_everything() -> None:
    family = HistogramMetricFamily("t", "x")
    histogram_of(family, [], (0.1, 0.2), (1, 2, 4), 3.5)
    found = {sample.labels.get("le", sample.name): sample.value for sample in family.samples}
    assert found == {"0.1": 1, "0.2": 3, "+Inf": 7, "t_count": 7, "t_sum": 3.5}


def test_loop_lag_keeps_the_worst_until_it_is_scraped() -> None:
    lag = LoopLag()
    for late_s in (0.0, 0.3, 60.0):
        lag.saw(late_s)
    histogram, worst = lag.collect()
    assert worst.samples[0].value == 60.0
    assert [s.value for s in histogram.samples if s.labels.get("le") == "+Inf"] == [3]
    assert [s.value for s in histogram.samples if s.labels.get("le") == str(LAG_BOUNDS_S[-1])] == [2]
    assert list(lag.collect())[1].samples[0].value == 0.0

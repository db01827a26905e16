"""Requests of a tenant are counted over all processes."""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from app.db.session import Database
from app.db.tenant_table import Tenant
from app.errors import RateLimited
from app.settings import Settings
from app.tenants.counter_file import CounterFile
from app.tenants.request_rates import RequestRates
from tests.servers import find_free_port

LONG = 3600


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(bounded())


def count(path: Path, number: int) -> None:
    async def test() -> None:
        counters = CounterFile(path=path)
        for _ in range(number):
            await counters.incr("alpha", LONG)
        counters.close()

    run(test)


def test_processes_share_the_counters(tmp_path: Path) -> None:
    path = tmp_path / "counts"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=count, args=(path, 2000)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0

    async def test() -> None:
        counters = CounterFile(path=path)
        assert await counters.get("alpha") == 4000
        assert await counters.get("beta") == 0
        await counters.clear("alpha")
        assert await counters.get("alpha") == 0
        counters.close()

    run(test)


def test_a_counter_starts_anew_when_it_has_expired(tmp_path: Path) -> None:
    async def test() -> None:
        counters = CounterFile(path=tmp_path / "counts")
        assert await counters.incr("alpha", 0) == 1
        assert await counters.incr("alpha", LONG) == 1
        assert await counters.incr("alpha", LONG) == 2
        assert await counters.incr("alpha", 1) == 1, "an expiry far away is of another clock"
        counters.close()

    run(test)


def test_more_counters_than_slots_replace_each_other(tmp_path: Path) -> None:
    async def test() -> None:
        counters = CounterFile(path=tmp_path / "counts")
        for number in range(10_000):
            assert await counters.incr(f"tenant-{number}", LONG) == 1
        await counters.reset()
        assert await counters.get("tenant-9999") == 0
        counters.close()

    run(test)


async def spend(rates: RequestRates, tenant: str) -> int:
    """Return how many of 200 requests at once are allowed."""
    allowed = 0
    for _ in range(200):
        with suppress(RateLimited):
            await rates.require(tenant)
            allowed += 1
    return allowed


@pytest.mark.parametrize("broker", ["file", "redis"])
def test_each_tenant_has_its_rate(
    broker: str, settings: Settings, database: Database, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("redis_url") if broker == "redis" else ""
    settings = settings.model_copy(update={"broker_url": url, "tenant_requests_per_second": 20})
    with database.transaction() as session:
        session.add(Tenant(name="alpha", requests_per_second=50))
        session.add(Tenant(name="free", requests_per_second=0))

    async def test() -> None:
        first, second = RequestRates(settings, database), RequestRates(settings, database)
        assert await spend(first, "free") == 200
        # a new second may begin between two requests
        assert await spend(first, "alpha") + await spend(second, "alpha") in {50, 100, 150}
        assert await spend(first, "other") in {20, 40, 60}
        for rates in (first, second):
            await rates.close()
        assert (settings.data_dir / "request-counts").exists() is (broker == "file")

    run(test)


def test_requests_are_counted_here_while_redis_does_not_respond(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"redis://127.0.0.1:{find_free_port()}/0"
    settings = settings.model_copy(update={"broker_url": url, "tenant_requests_per_second": 20})

    async def test() -> None:
        rates = RequestRates(settings, database)
        assert await spend(rates, "alpha") in {20, 40, 60}
        await rates.close()

    run(test)
    assert "Redis does not count requests" in caplog.text

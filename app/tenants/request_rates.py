"""Limit the requests per second of each tenant, over all processes of the API."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio import ConnectionPool
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from app.db.session import Database
from app.db.tenancy import EVERY_TENANT, acting_for, owning_tenant
from app.errors import RateLimited
from app.settings import Settings
from app.tenants.counter_file import CounterFile
from app.tenants.service import list_request_rates
from app.web.problems import problem_response

REFRESH_SECONDS = 5.0
"""How often the limits of tenants are read from the database."""

REDIS_SECONDS = 0.5
"""Longest time to wait for Redis before requests are counted on this machine alone."""

FREE = frozenset({"/livez", "/readyz", "/metrics"})

log = logging.getLogger(__name__)


class RequestRates:
    """The limits of tenants and the counters of their requests, from construction to `close`.

    Where the broker is Redis it counts the requests of all machines. Elsewhere a file counts those
    of this machine's processes. While Redis does not respond, each machine counts alone.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._rates: Mapping[str, int] = {}
        self._read_at: float | None = None
        self._refresh: asyncio.Task[None] | None = None
        self._local: CounterFile | None = None
        self._redis: Storage | None = None
        self._pool: ConnectionPool | None = None
        self._skip_redis_until = 0.0

    async def close(self) -> None:
        if self._refresh is not None:
            self._refresh.cancel()
        if self._local is not None:
            self._local.close()
        if self._pool is not None:
            await self._pool.aclose()

    async def require(self, tenant: str) -> None:
        """Count a request; raises RateLimited if the tenant has sent too many in this second."""
        if self._read_at is None:
            await self._read()
        elif time.monotonic() - self._read_at > REFRESH_SECONDS and self._refresh is None:
            self._refresh = asyncio.create_task(self._read())
        rate = self._rates.get(tenant, self._settings.tenant_requests_per_second)
        if rate and not await self._hit(tenant, rate):
            raise RateLimited(
                f"The tenant '{tenant}' may send {rate} requests a second, and has sent more. Try "
                "again after a second.",
                retry_after_seconds=1,
            )

    async def _read(self) -> None:
        try:
            self._rates = await run_in_threadpool(self._read_rates)
        except Exception as error:  # noqa: BLE001 - every driver has its own errors
            log.warning("the limits of tenants cannot be read: %s", type(error).__name__)
        finally:
            self._read_at, self._refresh = time.monotonic(), None

    def _read_rates(self) -> Mapping[str, int]:
        with acting_for(EVERY_TENANT), self._database.reading() as session:
            return list_request_rates(session, self._settings)

    async def _hit(self, tenant: str, rate: int) -> bool:
        item = RateLimitItemPerSecond(rate)
        if self._uses_redis and time.monotonic() >= self._skip_redis_until:
            try:
                return await self._limiter(self._open_redis).hit(item, tenant)
            except StorageError as error:
                log.warning("Redis does not count requests, so each machine does: %s", error)
                self._skip_redis_until = time.monotonic() + REFRESH_SECONDS
        return await self._limiter(self._open_local).hit(item, tenant)

    @property
    def _uses_redis(self) -> bool:
        return self._settings.celery_broker_url.startswith(("redis://", "rediss://"))

    @staticmethod
    def _limiter(open_storage: Callable[[], Storage]) -> FixedWindowRateLimiter:
        return FixedWindowRateLimiter(open_storage())

    def _open_redis(self) -> Storage:
        if self._redis is None:
            url = self._settings.celery_broker_url
            self._pool = ConnectionPool.from_url(
                url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
            )
            self._redis = RedisStorage(
                f"async+{url}",
                wrap_exceptions=True,
                implementation="redispy",
                key_prefix="graft-requests",
                connection_pool=self._pool,  # type: ignore[arg-type]  # limits hands it to redis
            )
        return self._redis

    def _open_local(self) -> Storage:
        if self._local is None:
            self._local = CounterFile(path=self._settings.data_dir.absolute() / "request-counts")
        return self._local


class RequestRateLimit:
    """ASGI middleware that refuses requests above the rate of their tenant, before the body.

    It must run inside the middleware that sets the tenant. Probes, metrics, and requests of nobody
    for public routes are not counted.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        tenant = owning_tenant()
        # Without a tenant: one person's loads of the sign-in page must not refuse everybody's.
        if scope["type"] == "http" and tenant and scope["path"] not in FREE:
            rates: RequestRates = scope["app"].state.request_rates
            try:
                await rates.require(tenant)
            except RateLimited as error:
                response = problem_response(
                    error, instance=scope["path"], request_id=scope["graft.request_id"]
                )
                await response(scope, receive, send)
                return
        await self.app(scope, receive, send)

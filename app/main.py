"""Build the FastAPI application."""

from asyncio import to_thread
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from starlette.middleware.cors import CORSMiddleware

from app.access.audit_router import router as audit_router
from app.access.authentication import Authenticator, KeyAuthenticator
from app.access.middleware import AccessMiddleware
from app.access.router import router as access_router
from app.advice.router import router as advice_router
from app.architectures.router import router as architectures_router
from app.batches.router import router as batches_router
from app.changes.feed import TenantFeeds
from app.changes.repository import SnapshotReader
from app.changes.router import router as changes_router
from app.dashboard.router import router as dashboard_router
from app.datasets.router import router as datasets_router
from app.db.base import now
from app.db.session import Database
from app.evaluations.router import router as evaluation_router
from app.exports.router import router as export_router
from app.history.feed import JobFeed
from app.history.router import router as history_router
from app.history.stream import JobReader
from app.image_predictions.router import router as image_predictions_router
from app.jobs.router import router as jobs_router
from app.ml.images.pixel_budget import PIXELS_IN_FLIGHT
from app.models.router import router as registry_router
from app.open_inference.router import router as open_inference_router
from app.overview.router import router as overview_router
from app.paired_tests.router import router as paired_tests_router
from app.predictions.heat_map_router import router as heat_map_router
from app.predictions.router import router as predictions_router
from app.predictions.shedding import ShedPredictions
from app.promotions.router import router as promotion_router
from app.quantization.router import router as quantization_router
from app.reports.router import router as report_router
from app.service_status.process import ApiProcess, StorageMeter
from app.service_status.router import router as service_status_router
from app.serving.router import router as serving_router
from app.settings import Settings, split_list
from app.sign_in.authentication import SessionAuthenticator, TokenAuthenticator
from app.sign_in.provider import Provider
from app.sign_in.router import router as sign_in_router
from app.space import Space
from app.storage import LocalStorage
from app.studies.router import router as studies_router
from app.tasks.dispatcher import Dispatcher
from app.tasks.notifications import CeleryNotifier
from app.telemetry.middleware import TelemetryMiddleware
from app.telemetry.scraping.router import router as scraping_router
from app.telemetry.tracing import tracing
from app.tenants.request_rates import RequestRateLimit, RequestRates
from app.tenants.router import router as tenants_router
from app.uploads.middleware import TusVersion
from app.uploads.router import router as uploads_router
from app.validation.router import router as validation_router
from app.web import health
from app.web.dependencies import Services
from app.web.middleware import BodyLimit, RequestId, TextOnly
from app.web.openapi.document import add_document
from app.web.openapi.introduction import DESCRIPTION, TAGS
from app.web.openapi.operation_ids import make_operation_id
from app.web.openapi.pages import add_pages
from app.web.origins import TrustedOrigins
from app.web.problems import install_problem_handlers
from app.web.security_headers import SecurityHeaders
from app.web.slashes import redirect_slashes_within

if TYPE_CHECKING:
    from app.predictions.predictor import Predictor

ROUTERS: tuple[APIRouter, ...] = (
    predictions_router,  # first, because it is requested most often
    datasets_router,
    uploads_router,
    heat_map_router,
    advice_router,
    architectures_router,
    validation_router,
    jobs_router,
    history_router,
    report_router,
    image_predictions_router,
    paired_tests_router,
    studies_router,
    registry_router,
    export_router,
    evaluation_router,
    quantization_router,
    promotion_router,
    serving_router,
    batches_router,
    open_inference_router,
    overview_router,
    changes_router,
    service_status_router,
    access_router,
    audit_router,
    sign_in_router,
    tenants_router,
    health.router,
    scraping_router,
    dashboard_router,
)

_WARM_UP_SECONDS = 60.0

_THREADS = 40
"""Threads for `def` routes in a process (AnyIO's default); each can have a connection."""

_NUM_CONNECTIONS = 80
"""Database connections of all API processes; PostgreSQL allows 100, and workers need some."""


def create_app(
    settings: Settings,
    *,
    predicts: bool = True,
    warms_up_first: bool = False,
    on_start: Callable[[], object] = lambda: None,
) -> FastAPI:
    """Build the application; connections are opened in its lifespan.

    Without `predicts` it is a stand-in (`app.processes.api`): it loads neither torch nor a model,
    responds to predictions with 503 and is never ready. With `warms_up_first` the lifespan starts
    after the warm-up of the chosen model. `on_start` is called when it starts.
    """
    app = FastAPI(
        title="Graft",
        description=DESCRIPTION,
        version=version("graft-server"),
        lifespan=_lifespan(settings, predicts, warms_up_first, on_start),
        openapi_tags=TAGS,
        generate_unique_id_function=make_operation_id,
        openapi_url=None,
        swagger_ui_parameters={"tryItOutEnabled": True},
    )
    for router in ROUTERS:
        app.include_router(router)
    add_document(app)
    add_pages(app)
    install_problem_handlers(app)
    redirect_slashes_within(app)
    _add_middleware(app, settings)
    return app


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """Add middleware from the innermost to the outermost; a request passes it from the end."""
    app.add_middleware(
        BodyLimit,
        max_bytes=settings.max_json_bytes,
        max_bytes_by_path={
            "/datasets": settings.max_upload_bytes,
            "/uploads": settings.max_upload_bytes,
            "/predictions": settings.max_upload_bytes,
            "/predict": settings.max_predict_bytes,
        },
        max_bytes_below={
            "/v2/models/": settings.max_predict_bytes,
            "/uploads/": settings.max_upload_bytes,
        },
        max_seconds=settings.body_seconds,
        stall_seconds=settings.upload_stall_seconds,
        uploads=("/datasets", "/predictions", "/uploads"),
    )
    app.add_middleware(ShedPredictions)
    app.add_middleware(TusVersion)
    # Above: what reads bodies. Below: what needs neither key nor body.
    app.add_middleware(RequestRateLimit)
    app.add_middleware(AccessMiddleware, is_on=settings.access_control)
    origins = split_list(settings.cors_origins)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["*"],
            expose_headers=["Location", "ETag", "Retry-After", "X-Request-ID"],
        )
    app.add_middleware(
        TrustedOrigins,
        listens_on=settings.host,
        hosts=[*split_list(settings.trusted_hosts), urlsplit(settings.public_url).hostname or ""],
        origins=origins,
    )
    app.add_middleware(TextOnly)
    app.add_middleware(TelemetryMiddleware)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestId)


def _lifespan(
    settings: Settings, predicts: bool, warms_up_first: bool, on_start: Callable[[], object]
) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        PIXELS_IN_FLIGHT.max_pixels = settings.max_pixels_in_flight
        storage = LocalStorage(settings.storage_dir)
        storage.root.mkdir(parents=True, exist_ok=True)
        connections = min(_THREADS, max(2, _NUM_CONNECTIONS // settings.api_processes))
        database = Database(
            settings.sqlalchemy_url,
            max_connections=connections,
            timeout_seconds=settings.database_seconds,
            abandoned_seconds=settings.database_seconds,
        )
        notifier = CeleryNotifier(
            settings.celery_broker_url, expires_seconds=settings.notify_seconds
        )
        dispatcher = Dispatcher(database, notifier, every_seconds=settings.notify_seconds)
        database.on_commit = dispatcher.notify
        predictor = _make_predictor(settings, database, storage) if predicts else None
        app.state.services = Services(
            settings,
            database,
            storage,
            Space.of(settings),
            find_broker_error=lambda: dispatcher.broker_error,
            is_warm=lambda: predictor is not None and predictor.warm_up.is_done,
            find_model_error=lambda: predictor.warm_up.problem if predictor else None,
        )
        app.state.predictor = predictor
        app.state.process = ApiProcess(now(), StorageMeter(storage.root))
        keys = KeyAuthenticator(database)
        provider = Provider(settings) if settings.oidc_issuer else None
        app.state.provider = provider
        app.state.authenticators = list[Authenticator](
            [keys, SessionAuthenticator(database, settings)]
        )
        if provider:
            tokens = TokenAuthenticator(database, provider, settings)
            app.state.authenticators.append(tokens)
        app.state.request_rates = rates = RequestRates(settings, database)
        app.state.changes = TenantFeeds(lambda: SnapshotReader(database).read)
        app.state.job_feed = JobFeed(JobReader(database).read)
        dispatcher.start()
        try:
            if predictor and warms_up_first:
                await to_thread(predictor.warm_up.wait, _WARM_UP_SECONDS)
            on_start()
            with tracing(settings, "graft-api"):
                yield
        finally:
            await keys.close()
            if provider:
                await provider.close()
            await rates.close()
            dispatcher.close()
            if predictor:
                predictor.close()
            notifier.close()
            database.close()

    return lifespan


def _make_predictor(settings: Settings, database: Database, storage: LocalStorage) -> "Predictor":
    from app.predictions.predictor import Predictor  # noqa: PLC0415 - slow to import, and not always needed

    return Predictor(settings, database, storage)

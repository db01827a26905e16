"""The main class of the client."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack, overload

from graft_client.address import default_address, default_api_key
from graft_client.answers import validated
from graft_client.asynchronous.batches import AsyncBatches
from graft_client.asynchronous.connection import AsyncConnection
from graft_client.asynchronous.datasets import AsyncDatasets
from graft_client.asynchronous.jobs import AsyncJob, AsyncJobs
from graft_client.asynchronous.keys import AsyncKeys
from graft_client.asynchronous.members import AsyncMembers
from graft_client.asynchronous.models import AsyncModels, AsyncNamedModel
from graft_client.asynchronous.pages import AsyncPages, reader_of
from graft_client.asynchronous.predicting import predict
from graft_client.asynchronous.studies import AsyncStudies
from graft_client.asynchronous.versions import reference_of
from graft_client.images import Image
from graft_client.options import AuditFilters, JobOptions, PredictOptions, audit_parameters
from graft_client.retrying import DEFAULT_RETRIES
from graft_client.schemas.access import AuditEntry, WaysToSignIn, WhoAmI
from graft_client.schemas.models import Architecture, ChosenModel
from graft_client.schemas.predictions import FailedPrediction, ImagePredictions
from graft_client.schemas.service import Overview, ServiceState
from graft_client.schemas.tenants import Tenant


class AsyncGraft:
    """A connection to the service; close it, or use it as a context manager.

    Every method raises ApiError if the service rejects a request, and ConnectionFailed if it cannot
    be reached. Methods that wait have a parameter timeout_seconds (None: no limit) and raise
    WaitTimeout. Methods that take a dataset, job, study or model accept the object, or its id or
    reference.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout_seconds: float = 60.0,
        max_retries: int = DEFAULT_RETRIES,
    ) -> None:
        """Connect when the first request is sent; raises InvalidAddress.

        The default of url is the variable GRAFT_URL, else http://127.0.0.1:8000. The default of
        api_key is the variable GRAFT_API_KEY; a service with access control needs a key.
        timeout_seconds limits every read and write; connections open within 5 s or fail.
        max_retries is how often a request is sent again after a failure that passes.
        """
        self.url = url or default_address()
        self.connection = AsyncConnection(
            self.url,
            timeout_seconds=timeout_seconds,
            max_retries=max_retries,
            api_key=api_key or default_api_key(),
        )
        self.datasets = AsyncDatasets(self.connection)
        self.jobs = AsyncJobs(self.connection)
        self.studies = AsyncStudies(self.connection)
        self.models = AsyncModels(self.connection)
        self.batches = AsyncBatches(self.connection)
        self.keys = AsyncKeys(self.connection)
        self.members = AsyncMembers(self.connection)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self.connection.close()

    async def train(self, dataset: Any, **fields: Unpack[JobOptions]) -> AsyncJob:
        """Train a model on a dataset: create a job, which a worker runs.

        The fields are those of `POST /jobs`, such as strategy, architecture and epochs; the preset
        gives those that are left out.
        """
        return await self.jobs.create(dataset, **fields)

    @overload
    async def predict(
        self,
        images: list[Image],
        *,
        model: Any = None,
        explain: bool = False,
        **options: Unpack[PredictOptions],
    ) -> list[ImagePredictions | FailedPrediction]: ...
    @overload
    async def predict(
        self,
        images: Image,
        *,
        model: Any = None,
        explain: bool = False,
        **options: Unpack[PredictOptions],
    ) -> ImagePredictions: ...
    async def predict(
        self,
        images: Any,
        *,
        model: Any = None,
        explain: bool = False,
        **options: Unpack[PredictOptions],
    ) -> Any:
        """Classify an image, or a list of images, by default with the serving model.

        An image is a path, the bytes of a file, a PIL image or a NumPy array. top_k is the number
        of classes, coverage (0.5-0.999) requests a prediction set, logits the scores, explain a
        heat map. An unreadable image raises InvalidRequest; in a list it is a FailedPrediction.
        """
        reference = None if model is None else reference_of(model)
        return await predict(self.connection, images, model=reference, explain=explain, **options)

    def model(self, name: str) -> AsyncNamedModel:
        """Return a model by its name, to act on; asks nothing, so the model need not exist yet."""
        return AsyncNamedModel.read(self.connection, {"name": name})

    async def architectures(
        self, search: str | None = None, *, limit: int = 50
    ) -> list[Architecture]:
        """Return the architectures that the service can train, with their pretrained weights.

        Without a search these are torchvision's. search lists those of torchvision and timm whose
        names contain every word of the text, at most limit (1-200).
        """
        query = {} if search is None else {"search": search, "limit": limit}
        rows = await self.connection.get("/architectures", params=query)
        return [validated(Architecture, row, self.url) for row in rows]

    async def serving(self) -> ChosenModel:
        """Return the serving model; raises ModelNotReady if there is none."""
        return validated(ChosenModel, await self.connection.get("/serving"), self.url)

    async def use(self, model: Any) -> ChosenModel:
        """Set the serving model, which predicts if a request names no model."""
        body = {"model": reference_of(model)}
        answer = await self.connection.send("PUT", "/serving", json=body)
        return validated(ChosenModel, answer, self.url)

    async def shadow(self, model: Any, *, fraction: float = 0.1) -> ChosenModel:
        """Set the shadow model, which also predicts a share of the images; None removes it."""
        shadow = None if model is None else {"model": reference_of(model), "fraction": fraction}
        body = {"model": (await self.serving()).model, "shadow": shadow}
        answer = await self.connection.send("PUT", "/serving", json=body)
        return validated(ChosenModel, answer, self.url)

    async def overview(self) -> Overview:
        """Return counts of everything the service has, and what needs attention."""
        return validated(Overview, await self.connection.get("/overview"), self.url)

    async def service(self) -> ServiceState:
        """Return the versions, workers, queues, storage and settings of the service."""
        return validated(ServiceState, await self.connection.get("/service"), self.url)

    async def ways_to_sign_in(self) -> WaysToSignIn:
        """Return whether requests need a key at all, and how people sign in; needs no key."""
        return validated(WaysToSignIn, await self.connection.get("/auth"), self.url)

    async def whoami(self) -> WhoAmI:
        """Return whose API key this is, and what it may do."""
        return validated(WhoAmI, await self.connection.get("/whoami"), self.url)

    def audit_log(self, **filters: Unpack[AuditFilters]) -> AsyncPages[AuditEntry]:
        """List who promoted, deleted or changed what, newest first; needs the scope `admin`.

        since and until need a time zone.
        """
        return AsyncPages(
            self.connection, "/audit", reader_of(AuditEntry), audit_parameters(filters)
        )

    async def export_audit_log(self, file: Path, **filters: Unpack[AuditFilters]) -> Path:
        """Save all entries as CSV, or as JSON Lines if the file's name ends in .jsonl."""
        suffix = "jsonl" if file.suffix == ".jsonl" else "csv"
        params = {"format": suffix} | audit_parameters(filters)
        return await self.connection.download("/audit", file, params=params)

    async def tenant(self) -> Tenant:
        """Return the tenant that this client acts for, what it uses and what it may use."""
        return validated(Tenant, await self.connection.get("/tenants/me"), self.url)

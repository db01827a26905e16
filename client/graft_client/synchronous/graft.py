# Written by graft_client.sync_generator from asynchronous/graft.py: change that file.
"""The main class of the client."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack, overload

from graft_client.address import default_address, default_api_key
from graft_client.answers import validated
from graft_client.images import Image
from graft_client.options import AuditFilters, JobOptions, PredictOptions, audit_parameters
from graft_client.retrying import DEFAULT_RETRIES
from graft_client.schemas.access import AuditEntry, WaysToSignIn, WhoAmI
from graft_client.schemas.models import Architecture, ChosenModel
from graft_client.schemas.predictions import FailedPrediction, ImagePredictions
from graft_client.schemas.service import Overview, ServiceState
from graft_client.schemas.tenants import Tenant
from graft_client.synchronous.batches import Batches
from graft_client.synchronous.connection import Connection
from graft_client.synchronous.datasets import Datasets
from graft_client.synchronous.jobs import Job, Jobs
from graft_client.synchronous.keys import Keys
from graft_client.synchronous.members import Members
from graft_client.synchronous.models import Models, NamedModel
from graft_client.synchronous.pages import Pages, reader_of
from graft_client.synchronous.predicting import predict
from graft_client.synchronous.studies import Studies
from graft_client.synchronous.versions import reference_of


class Graft:
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
        self.connection = Connection(
            self.url,
            timeout_seconds=timeout_seconds,
            max_retries=max_retries,
            api_key=api_key or default_api_key(),
        )
        self.datasets = Datasets(self.connection)
        self.jobs = Jobs(self.connection)
        self.studies = Studies(self.connection)
        self.models = Models(self.connection)
        self.batches = Batches(self.connection)
        self.keys = Keys(self.connection)
        self.members = Members(self.connection)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.connection.close()

    def train(self, dataset: Any, **fields: Unpack[JobOptions]) -> Job:
        """Train a model on a dataset: create a job, which a worker runs.

        The fields are those of `POST /jobs`, such as strategy, architecture and epochs; the preset
        gives those that are left out.
        """
        return self.jobs.create(dataset, **fields)

    @overload
    def predict(
        self,
        images: list[Image],
        *,
        model: Any = None,
        explain: bool = False,
        **options: Unpack[PredictOptions],
    ) -> list[ImagePredictions | FailedPrediction]: ...
    @overload
    def predict(
        self,
        images: Image,
        *,
        model: Any = None,
        explain: bool = False,
        **options: Unpack[PredictOptions],
    ) -> ImagePredictions: ...
    def predict(
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
        return predict(self.connection, images, model=reference, explain=explain, **options)

    def model(self, name: str) -> NamedModel:
        """Return a model by its name, to act on; asks nothing, so the model need not exist yet."""
        return NamedModel.read(self.connection, {"name": name})

    def architectures(self, search: str | None = None, *, limit: int = 50) -> list[Architecture]:
        """Return the architectures that the service can train, with their pretrained weights.

        Without a search these are torchvision's. search lists those of torchvision and timm whose
        names contain every word of the text, at most limit (1-200).
        """
        query = {} if search is None else {"search": search, "limit": limit}
        rows = self.connection.get("/architectures", params=query)
        return [validated(Architecture, row, self.url) for row in rows]

    def serving(self) -> ChosenModel:
        """Return the serving model; raises ModelNotReady if there is none."""
        return validated(ChosenModel, self.connection.get("/serving"), self.url)

    def use(self, model: Any) -> ChosenModel:
        """Set the serving model, which predicts if a request names no model."""
        body = {"model": reference_of(model)}
        answer = self.connection.send("PUT", "/serving", json=body)
        return validated(ChosenModel, answer, self.url)

    def shadow(self, model: Any, *, fraction: float = 0.1) -> ChosenModel:
        """Set the shadow model, which also predicts a share of the images; None removes it."""
        shadow = None if model is None else {"model": reference_of(model), "fraction": fraction}
        body = {"model": (self.serving()).model, "shadow": shadow}
        answer = self.connection.send("PUT", "/serving", json=body)
        return validated(ChosenModel, answer, self.url)

    def overview(self) -> Overview:
        """Return counts of everything the service has, and what needs attention."""
        return validated(Overview, self.connection.get("/overview"), self.url)

    def service(self) -> ServiceState:
        """Return the versions, workers, queues, storage and settings of the service."""
        return validated(ServiceState, self.connection.get("/service"), self.url)

    def ways_to_sign_in(self) -> WaysToSignIn:
        """Return whether requests need a key at all, and how people sign in; needs no key."""
        return validated(WaysToSignIn, self.connection.get("/auth"), self.url)

    def whoami(self) -> WhoAmI:
        """Return whose API key this is, and what it may do."""
        return validated(WhoAmI, self.connection.get("/whoami"), self.url)

    def audit_log(self, **filters: Unpack[AuditFilters]) -> Pages[AuditEntry]:
        """List who promoted, deleted or changed what, newest first; needs the scope `admin`.

        since and until need a time zone.
        """
        return Pages(self.connection, "/audit", reader_of(AuditEntry), audit_parameters(filters))

    def export_audit_log(self, file: Path, **filters: Unpack[AuditFilters]) -> Path:
        """Save all entries as CSV, or as JSON Lines if the file's name ends in .jsonl."""
        suffix = "jsonl" if file.suffix == ".jsonl" else "csv"
        params = {"format": suffix} | audit_parameters(filters)
        return self.connection.download("/audit", file, params=params)

    def tenant(self) -> Tenant:
        """Return the tenant that this client acts for, what it uses and what it may use."""
        return validated(Tenant, self.connection.get("/tenants/me"), self.url)

"""Resolve a job request with its dataset, weights and base model."""

from sqlalchemy.orm import Session

from app.datasets.repository import DatasetRepository
from app.db.tables import Dataset
from app.errors import DatasetInvalid, WeightsUnavailable
from app.ml.models.catalogue import get_architecture
from app.ml.models.weights import list_local, require_available
from app.models.service import resolve_reference
from app.recipes.defaults import BaseModelFacts, is_published, resolve
from app.recipes.schemas import JobConfig, JobRequest
from app.settings import Settings


def require_weights(request: JobRequest, settings: Settings) -> None:
    """Raise WeightsUnavailable if the published weights of a request are not available.

    May use the network, so call it before a transaction begins.
    """
    if request.clone_of or request.strategy == "scratch" or not is_published(request):
        return
    config = resolve(request, dataset_name="any", num_threads=1, base=None)
    if config.architecture == "auto" and not (
        settings.weights_download
        or any(list_local(settings.weights_dir, with_timm=request.time_budget_seconds is not None))
    ):
        raise WeightsUnavailable(
            "`architecture` is auto, but this machine has no pretrained weights and downloads are "
            "disabled. Put weights into the folder named by GRAFT_WEIGHTS_DIR."
        )
    if config.weights != "none" and config.architecture != "auto":
        require_available(
            get_architecture(config.architecture),
            config.weights,
            weights_dir=settings.weights_dir,
            download_allowed=settings.weights_download,
        )


def resolve_new(
    session: Session, request: JobRequest, settings: Settings
) -> tuple[JobConfig, Dataset, BaseModelFacts | None]:
    """Resolve a request without `clone_of`: its configuration, its dataset, its base model.

    Raises NotFound for an unknown dataset or model, DatasetInvalid, ValidationFailed.
    """
    dataset = get_usable_dataset(session, str(request.dataset_id))
    base = _find_base(session, request)
    config = resolve(
        request, dataset_name=dataset.name, num_threads=settings.num_threads, base=base
    )
    return config, dataset, base


def get_usable_dataset(session: Session, dataset_id: str) -> Dataset:
    """Return the dataset, locked against deletion; raises NotFound or DatasetInvalid."""
    dataset = DatasetRepository(session).get(dataset_id, share_lock=True)
    if dataset.status == "invalid":
        raise DatasetInvalid(
            f"{dataset.id} is invalid ({dataset.error_code}): {dataset.error_message} Upload a "
            "corrected archive."
        )
    return dataset


def _find_base(session: Session, request: JobRequest) -> BaseModelFacts | None:
    if request.weights is None or is_published(request):
        return None
    row = resolve_reference(session, request.weights, loc=("body", "weights"))
    return BaseModelFacts(
        reference=f"{row.name}:{row.version}",
        architecture=row.architecture,
        input_size=row.input_size,
        checkpoint_key=row.checkpoint_key,
    )

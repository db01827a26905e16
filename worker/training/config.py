"""The configuration of a training process: the recipe, and where inputs and outputs are."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from app.ml.recipe import Recipe


class Resume(BaseModel):
    """The last committed epoch of an earlier attempt."""

    model_config = ConfigDict(frozen=True)

    epoch: int
    state_key: str


class TrainingConfig(BaseModel):
    """The configuration a supervisor sends to `python -m worker.training`.

    This attempt's artifacts are stored below key_prefix (`jobs/<job id>/<fence>`).
    base_model_key is the checkpoint of the registered model that `recipe.weights` refers to, if it
    refers to one; base_model_digest is the sha256 of its file, if the model is still registered.
    Epochs shorter than keep_every_seconds share a checkpoint. Each batch is divided among
    num_processes if the recipe allows it.
    """

    model_config = ConfigDict(frozen=True)

    job_id: str
    recipe: Recipe
    class_names: list[str]
    manifest_key: str
    dataset_digest: str
    key_prefix: str
    storage_dir: Path
    weights_dir: Path | None
    weights_download: bool
    cache_dir: Path
    image_cache_bytes: int
    storage_floor_bytes: int = 0
    device: str
    num_processes: int = 1
    base_model_key: str | None = None
    base_model_digest: str | None = None
    resume: Resume | None = None
    keep_every_seconds: float = 1.0

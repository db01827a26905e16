"""Small real models for tests: SqueezeNet with random weights and heads that separate images."""

from functools import lru_cache

import torch
from torch import nn

from app.db.session import Database
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models import checkpoint
from app.ml.models.architectures import build, build_arguments
from app.ml.models.checkpoint import Checkpoint, CheckpointHeader, StoredFile
from app.ml.models.pretrained import Provenance
from app.ml.trust.trust_file import Trust, save_trust
from app.models.schemas import Calibration
from app.models.service import register_version
from app.storage import Storage

ARCHITECTURE = "squeezenet1_0"
CLASS_NAMES = ("ants", "bees", "wasps")
NO_FILE = StoredFile(digest="0" * 64, num_bytes=1000)
PREPROCESSING = PreprocessingSpec(input_size=48, resize_size=56)
CALIBRATION = Calibration(temperature=2.0, num_images=100)


def save_model(
    storage: Storage, key: str, *, seed: int = 0, class_names: tuple[str, ...] = CLASS_NAMES
) -> StoredFile:
    """Write the checkpoint of a model; the same seed gives the same model."""
    return checkpoint.save(storage, key, _make_checkpoint(seed, class_names))


@lru_cache(maxsize=8)
def _make_checkpoint(seed: int, class_names: tuple[str, ...]) -> Checkpoint:
    """Return a cached checkpoint: initialization is slow, and many tests need the same one."""
    arguments = build_arguments(ARCHITECTURE, is_pretrained=False)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build(ARCHITECTURE, len(class_names), arguments=arguments)
        head = model.get_parameter("classifier.1.weight")
        nn.init.normal_(head, std=0.2)  # torchvision's own start leaves all classes equal
    header = CheckpointHeader(
        architecture=ARCHITECTURE,
        build_arguments=arguments,
        num_classes=len(class_names),
        class_names=class_names,
        preprocessing=PREPROCESSING,
        weights=Provenance(source="none", name="none", digest=None),
    )
    return Checkpoint(header, model.state_dict())


def register_model(
    database: Database,
    storage: Storage,
    name: str = "ants-and-bees",
    *,
    seed: int = 0,
    trust: Trust | None = None,
) -> int:
    """Register a real model as the next version of a name; returns the version."""
    folder = f"jobs/{name}/{seed}"
    key = f"{folder}/model.safetensors"
    stored = save_model(storage, key, seed=seed)
    if trust is None:
        return register_file(database, name, key, stored)
    trust_key = f"{folder}/trust.safetensors"
    save_trust(storage, trust_key, trust)
    return register_file(database, name, key, stored, trust_key)


def register_file(
    database: Database,
    name: str = "ants",
    key: str = "jobs/job_0/1/model.safetensors",
    stored: StoredFile = NO_FILE,
    trust_key: str | None = None,
    class_names: tuple[str, ...] = CLASS_NAMES,
) -> int:
    """Register a checkpoint, even without files; returns the version."""
    with database.transaction() as session:
        return register_version(
            session,
            name=name,
            job_id="job_0",
            checkpoint_key=key,
            digest=stored.digest,
            num_bytes=stored.num_bytes,
            architecture=ARCHITECTURE,
            class_names=class_names,
            input_size=PREPROCESSING.input_size,
            val_accuracy=0.5,
            val_balanced_accuracy=0.4,
            trust_key=trust_key,
            calibration=CALIBRATION if trust_key else None,
        )

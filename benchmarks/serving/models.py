"""Train the served models with Graft, and export their weights for the peers."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from app.db.session import Database
from app.ml.models import checkpoint
from app.ml.trust.trust_file import load_trust
from app.models.service import resolve_reference
from app.settings import Settings
from app.storage import LocalStorage
from benchmarks.datasets import prepare as prepare_dataset
from benchmarks.graft_service import running_service
from benchmarks.serving.peers.classifier import Network
from graft_client import Graft

IMAGE = "val/ants/518746016_bcc28f8b5b.jpg"
"""The posted photograph: 500 x 375 pixels, 122,791 bytes, from the validation split."""

JOBS: dict[str, dict[str, Any]] = {
    "squeezenet1_0": {"strategy": "feature_extract"},
    "resnet18": {"strategy": "scratch", "weights": "none", "epochs": 1, "seed": 0},
    "resnet50": {"strategy": "scratch", "weights": "none", "epochs": 1, "seed": 0},
}
"""The fields of POST /jobs for each network; only SqueezeNet is trained to a good accuracy."""

QUANTIZED = {"squeezenet1_0"}
INT8_VERSION = 2
"""The version of a network in QUANTIZED that the service quantizes to int8."""

_DATASETS = {"squeezenet1_0": "ants-and-bees", "resnet18": "few", "resnet50": "few"}


@dataclass(frozen=True)
class ServedModel:
    """A registered model, and its export for the peers.

    checkpoint: the service's file. label and probability: the service's prediction for IMAGE.
    """

    checkpoint: str
    network: Network
    label: str
    probability: float

    @classmethod
    def read(cls, path: Path) -> "ServedModel":
        fields = json.loads(path.read_text())
        return cls(**(fields | {"network": Network(**fields["network"])}))


def prepare(
    networks: list[str],
    work_dir: Path,
    archives: Path,
    weights_dir: Path,
    environment: Mapping[str, str],
) -> dict[str, ServedModel]:
    """Train and register the models that work_dir lacks, and return all of them by network.

    Raises OutcomeError if a dataset or a job fails.
    """
    descriptions = {name: work_dir / f"{name}.json" for name in networks}
    missing = [name for name, path in descriptions.items() if not path.exists()]
    if missing:
        data_dir = work_dir / "graft-data"
        with (
            running_service(environment, data_dir, weights_dir) as (url, _),
            Graft(url) as graft,
        ):
            for name in missing:
                folder = prepare_dataset(_DATASETS[name], work_dir, archives).folder
                dataset = graft.datasets.upload(folder, name=name).wait()
                fields = {"architecture": name, "model_name": name} | JOBS[name]
                graft.train(dataset, **fields).wait()
                image = find_image(work_dir, archives)
                prediction = graft.predict(image, model=name).predictions[0]
                if name in QUANTIZED:
                    made = graft.model(name).version(1).quantize(dataset)
                    assert made.version == INT8_VERSION  # noqa: S101 - nothing else adds versions
                path, network = _write_weights(name, data_dir, work_dir)
                served = ServedModel(str(path), network, prediction.label, prediction.probability)
                descriptions[name].write_text(json.dumps(asdict(served), indent=1) + "\n")
    return {name: ServedModel.read(path) for name, path in descriptions.items()}


def find_image(work_dir: Path, archives: Path) -> Path:
    """Return the path of the photograph that every request posts."""
    return prepare_dataset("ants-and-bees", work_dir, archives).folder / IMAGE


def _write_weights(name: str, data_dir: Path, work_dir: Path) -> tuple[Path, Network]:
    settings = Settings(data_dir=data_dir)
    storage = LocalStorage(settings.storage_dir)
    database = Database(settings.sqlalchemy_url)
    with database.reading() as session:
        version = resolve_reference(session, name)
    database.close()
    path = storage.path(version.checkpoint_key)
    model, header = checkpoint.restore_model(checkpoint.load(path))
    weights = work_dir / f"{name}.safetensors"
    save_file({key: tensor.contiguous() for key, tensor in model.state_dict().items()}, weights)
    trust = load_trust(storage.path(version.trust_key)) if version.trust_key else None
    spec = header.preprocessing
    return path, Network(
        architecture=name,
        weights=str(weights),
        class_names=list(header.class_names),
        final_relu=bool(header.build_arguments.get("final_relu", True)),
        temperature=trust.temperature if trust else 1.0,
        resize_size=spec.resize_size,
        input_size=spec.input_size,
        mean=list(spec.mean),
        std=list(spec.std),
    )

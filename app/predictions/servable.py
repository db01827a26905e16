"""Load a registered version for serving: engine, preprocessing and calibration."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from app.errors import CheckpointInvalid
from app.ml.images.preprocessing import PreprocessingSpec, eval_pixels
from app.ml.images.tensor_decoding import decoded_pixels
from app.ml.models import checkpoint
from app.ml.models.catalogue import get_architecture
from app.ml.recipe import Precision
from app.ml.runtime.scoring import ScoringNetwork
from app.ml.trust.trust_file import Trust, load_trust
from app.predictions.engines.choice import make_builder
from app.predictions.engines.engine import Engine, EngineName
from app.predictions.engines.torch_engine import raise_overloaded_when_full


@dataclass(frozen=True)
class Servable:
    """A loaded version: its engine, class names in the order of the logits, and preprocessing.

    trust is the calibration, None for a version registered without. Plain JPEGs are decoded on
    decode_device, with nvJPEG; None decodes everything on the CPU.
    """

    engine: Engine
    class_names: tuple[str, ...]
    preprocessing: PreprocessingSpec
    trust: Trust | None
    decode_device: torch.device | None = None

    @property
    def temperature(self) -> float:
        """The divisor of the logits before the softmax."""
        return self.trust.temperature if self.trust else 1.0

    @property
    def num_bytes(self) -> int:
        """Bytes of memory, without the engine's buffers."""
        return self.engine.num_bytes + (self.trust.neighbours.nbytes if self.trust else 0)

    def run_once(self) -> None:
        """Run the engine on a blank image: a thread's first run allocates its buffers."""
        size = self.preprocessing.input_size
        blank = torch.zeros(1, 3, size, size, dtype=torch.uint8, device=self.decode_device)
        self.engine.run(blank)  # on the device of other callers' images, which may share its batch

    def prepare(
        self, image: bytes, *, max_pixels: int | None = None, deadline: float | None = None
    ) -> Tensor:
        """Decode and preprocess an image for the engine: uint8 [3, input_size, input_size].

        The result is on the decode_device, if there is one. deadline is a time of `time.monotonic`.
        Raises what `decoded_pixels` does, and Overloaded where the GPU is out of memory.
        """
        device = self.decode_device
        with (
            raise_overloaded_when_full(1),
            decoded_pixels(
                image, max_pixels=max_pixels, deadline=deadline, device=device
            ) as pixels,
        ):
            prepared = eval_pixels(pixels, self.preprocessing)
            return prepared if device is None else prepared.to(device)


@contextmanager
def name_version_in_errors(version: str) -> Iterator[None]:
    """Raise CheckpointInvalid with the version's name if a file is missing or damaged."""
    try:
        yield
    except FileNotFoundError as error:
        raise CheckpointInvalid(
            f"The file of {version} cannot be read: it is not in the storage. "
            "Restore it from a backup, or use another version."
        ) from error
    except CheckpointInvalid as error:
        raise CheckpointInvalid(f"The file of {version} cannot be read: {error.message}") from error


def load_servable(  # noqa: PLR0913 - one parameter for each setting
    path: Path,
    trust_path: Path | None,
    device: torch.device,
    *,
    digest: str | None = None,
    engine: EngineName = "torch",
    precision: Precision = "auto",
    quantized_path: Path | None = None,
    checkpoint_digest: str | None = None,
    num_callers: int = 1,
    gpu_batch_size: int | None = None,
    decode_device: torch.device | None = None,
) -> Servable:
    """Load a complete checkpoint and its calibration into memory that the files cannot change.

    quantized_path is the graph of an int8 version, which runs instead of the checkpoint. digest is
    the registered sha256 (hex) of the file with the weights (that graph or the checkpoint), None if
    it is not known. checkpoint_digest is that of the checkpoint of an int8 version, from which its
    class names and preprocessing are read. num_callers is the number of threads that run the engine
    at a time, gpu_batch_size the number of their images that a GPU runs together, decode_device the
    GPU that decodes plain JPEGs, None for the CPU.

    Raises CheckpointInvalid as `app.ml.models.checkpoint.load` does, FileNotFoundError; and the
    errors of `make_builder` and of its engine.
    """
    build = make_builder(
        engine, device, precision, num_callers=num_callers, gpu_batch_size=gpu_batch_size
    )
    source: ScoringNetwork | bytes
    if quantized_path is not None:
        header = checkpoint.load_header(path, digest=checkpoint_digest)
        source = checkpoint.read_verified(quantized_path, digest)
    else:
        model, header = checkpoint.restore_model(checkpoint.load(path, digest=digest))
        source = ScoringNetwork(model, get_architecture(header.architecture), header.preprocessing)
    return Servable(
        build(source),
        header.class_names,
        header.preprocessing,
        load_trust(trust_path) if trust_path else None,
        decode_device,
    )

"""The files of one attempt at a job: trainer states, best checkpoints, and the final model."""

from dataclasses import dataclass

from torch import Tensor, nn

from app.jobs.prediction_file import JobPredictions, save_predictions
from app.ml.models import checkpoint
from app.ml.models.checkpoint import Checkpoint, CheckpointHeader, StoredFile
from app.ml.trust.trust_file import Trust, save_trust
from app.storage import Storage
from worker.training.config import Resume
from worker.training.fit import Best
from worker.training.learner import Learner
from worker.training.loop import PassResult
from worker.training.state import TrainerState, load_state, save_state


@dataclass(frozen=True)
class Artifacts:
    """Writes files below key_prefix; the supervisor deletes superseded ones.

    header is that of the model's deltas; its trunk_digest is null where nothing is frozen.
    """

    key_prefix: str
    storage: Storage
    header: CheckpointHeader
    model: nn.Module

    def resume(self, resume: Resume, learner: Learner) -> TrainerState:
        """Put model and learner into the state that an earlier attempt stored.

        Raises CheckpointInvalid if the state belongs to another training.
        """
        state = load_state(self.storage.path(resume.state_key))
        header = self.header.model_copy(update={"trunk_digest": state.trunk_digest})
        checkpoint.apply_delta(self.model, Checkpoint(header, state.tensors))
        learner.load(state.optimizer, state.scaler, state.average)
        return state

    def save_best(self, epoch: int, tensors: dict[str, Tensor]) -> str:
        """Store the best weights so far with the checkpoint of an epoch; return their key."""
        key = f"{self._stem(epoch)}.best.safetensors"
        checkpoint.save(self.storage, key, Checkpoint(self.header, tensors))
        return key

    def save_state(
        self, learner: Learner, *, epoch: int, best: Best, best_key: str, start: PassResult | None
    ) -> tuple[str, TrainerState]:
        """Store the state after an epoch; return its key and the state.

        start is the validation result before the first epoch, if the head was solved for.
        """
        state = TrainerState(
            epoch=epoch,
            tensors=checkpoint.take_delta(self.model),
            average=learner.average.tensors if learner.average else None,
            trunk_digest=self.header.trunk_digest,
            optimizer=learner.optimizer.state_dict() if learner.optimizer else {},
            scaler=learner.scaler.state_dict(),
            best=best,
            best_key=best_key,
            start=start,
        )
        key = f"{self._stem(epoch)}.state.pt"
        save_state(self.storage, key, state)
        return key, state

    def complete(self, state: TrainerState) -> tuple[str, StoredFile]:
        """Store the best epoch as a whole model; the model in memory becomes that epoch's."""
        best = checkpoint.load(self.storage.path(state.best_key))
        checkpoint.apply_delta(self.model, best)
        header = self.header.model_copy(update={"trunk_digest": None})
        key = f"{self.key_prefix}/model.safetensors"
        whole = Checkpoint(header, self.model.state_dict())
        return key, checkpoint.save(self.storage, key, whole)

    def save_trust(self, trust: Trust) -> str:
        """Store the model's calibration data; return its key."""
        key = f"{self.key_prefix}/trust.safetensors"
        save_trust(self.storage, key, trust)
        return key

    def save_predictions(self, predictions: JobPredictions) -> str:
        """Store the predictions of the validation and test images; return their key."""
        key = f"{self.key_prefix}/predictions.safetensors"
        save_predictions(self.storage, key, predictions)
        return key

    def _stem(self, epoch: int) -> str:
        return f"{self.key_prefix}/epoch-{epoch:04d}"

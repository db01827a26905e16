"""The files of one attempt at a job: states, best checkpoints, and the model in the end."""

from dataclasses import dataclass

from torch import Tensor, nn

from app.ml.models import checkpoint
from app.ml.models.checkpoint import Checkpoint, CheckpointHeader, StoredFile
from app.ml.trust.trust_file import Trust, save_trust
from app.storage import Storage
from worker.training.config import Resume
from worker.training.fit import Best
from worker.training.learner import Learner
from worker.training.state import TrainerState, load_state, save_state


@dataclass(frozen=True)
class Artifacts:
    """Writes below key_prefix; only ever adds files, since the supervisor deletes superseded ones.

    header is that of the model's deltas; its trunk_digest is null where nothing is frozen.
    """

    key_prefix: str
    storage: Storage
    header: CheckpointHeader
    model: nn.Module

    def resume(self, resume: Resume, learner: Learner) -> TrainerState:
        """Put model and learner into the state an earlier attempt left.

        Raises CheckpointInvalid where that was another training.
        """
        state = load_state(self.storage.path(resume.state_key))
        header = self.header.model_copy(update={"trunk_digest": state.trunk_digest})
        checkpoint.apply_delta(self.model, Checkpoint(header, state.tensors))
        learner.load(state.optimizer, state.scaler, state.average)
        return state

    def keep(
        self,
        epoch: int,
        best: Best,
        best_tensors: dict[str, Tensor] | None,
        learner: Learner,
        before: TrainerState | None,
    ) -> tuple[str, TrainerState]:
        """Make the state after an epoch durable and give its key; the best epoch's weights first.

        best_tensors are those of the best epoch where it is a new one.
        """
        stem = f"{self.key_prefix}/epoch-{epoch:04d}"
        if best_tensors is not None:
            best_key = f"{stem}.best.safetensors"
            checkpoint.save(self.storage, best_key, Checkpoint(self.header, best_tensors))
        elif before is not None:
            best_key = before.best_key
        else:
            raise AssertionError("the first epoch is the best so far")
        state = TrainerState(
            epoch=epoch,
            tensors=checkpoint.take_delta(self.model),
            average=learner.average.tensors if learner.average else None,
            trunk_digest=self.header.trunk_digest,
            optimizer=learner.optimizer.state_dict() if learner.optimizer else {},
            scaler=learner.scaler.state_dict(),
            best=best,
            best_key=best_key,
        )
        state_key = f"{stem}.state.pt"
        save_state(self.storage, state_key, state)
        return state_key, state

    def complete(self, state: TrainerState) -> tuple[str, StoredFile]:
        """Store the best epoch as a whole model; the model in memory becomes that epoch's."""
        best = checkpoint.load(self.storage.path(state.best_key))
        checkpoint.apply_delta(self.model, best)
        header = self.header.model_copy(update={"trunk_digest": None})
        key = f"{self.key_prefix}/model.safetensors"
        whole = Checkpoint(header, self.model.state_dict())
        return key, checkpoint.save(self.storage, key, whole)

    def keep_trust(self, trust: Trust) -> str:
        """Store what the model's confidence is worth, and give its key."""
        key = f"{self.key_prefix}/trust.safetensors"
        save_trust(self.storage, key, trust)
        return key

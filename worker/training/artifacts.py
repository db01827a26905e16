"""The files of one attempt at a job: states, best checkpoints, and the model in the end."""

from dataclasses import dataclass

from torch import nn
from torch.optim import Optimizer

from app.ml import checkpoint
from app.ml.checkpoint import Checkpoint, CheckpointHeader
from app.storage import Storage
from worker.protocol import Trained
from worker.training.config import Resume
from worker.training.fit import EpochResult
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

    def resume(self, resume: Resume, optimizer: Optimizer) -> TrainerState:
        """Put model and optimizer into the state an earlier attempt left.

        Raises CheckpointInvalid where that was another training.
        """
        state = load_state(self.storage.path(resume.state_key))
        header = self.header.model_copy(update={"trunk_digest": state.trunk_digest})
        checkpoint.apply_delta(self.model, Checkpoint(header, state.tensors))
        optimizer.load_state_dict(state.optimizer)
        return state

    def keep(
        self, result: EpochResult, optimizer: Optimizer, before: TrainerState | None
    ) -> tuple[str, TrainerState]:
        """Make an epoch durable: its weights where it is the best, then its state; give its key."""
        stem = f"{self.key_prefix}/epoch-{result.epoch:04d}"
        tensors = checkpoint.take_delta(self.model)
        if result.is_best or before is None:
            best_key = f"{stem}.best.safetensors"
            checkpoint.save(self.storage, best_key, Checkpoint(self.header, tensors))
        else:
            best_key = before.best_key
        state = TrainerState(
            epoch=result.epoch,
            tensors=tensors,
            trunk_digest=self.header.trunk_digest,
            optimizer=optimizer.state_dict(),
            best=result.best,
            best_key=best_key,
        )
        state_key = f"{stem}.state.pt"
        save_state(self.storage, state_key, state)
        return state_key, state

    def complete(self, state: TrainerState) -> Trained:
        """Store the best epoch as a whole model; the model in memory becomes that epoch's."""
        best = checkpoint.load(self.storage.path(state.best_key))
        checkpoint.apply_delta(self.model, best)
        header = self.header.model_copy(update={"trunk_digest": None})
        key = f"{self.key_prefix}/model.safetensors"
        stored = checkpoint.save(self.storage, key, Checkpoint(header, self.model.state_dict()))
        return Trained(
            best_epoch=state.best.epoch,
            model_key=key,
            model_digest=stored.digest,
            num_bytes=stored.num_bytes,
        )

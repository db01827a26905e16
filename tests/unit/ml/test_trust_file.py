import pytest
import safetensors.torch
import torch

from app.errors import CheckpointInvalid
from app.ml.trust.novelty import to_unit_length
from app.ml.trust.trust_file import Trust, load_trust, save_trust
from app.storage import LocalStorage
from tests.damage import flip_last_bit, overwrite


def make_trust() -> Trust:
    random = torch.Generator().manual_seed(0)
    return Trust(
        temperature=1.25,
        conformity=torch.rand(20, generator=random).sort().values,
        neighbours=to_unit_length(torch.randn(7, 16, generator=random)).half().float(),
        distances=torch.rand(20, generator=random).sort().values,
    )


def test_saved_trust_is_loaded_again(storage: LocalStorage) -> None:
    trust = make_trust()
    save_trust(storage, "t.safetensors", trust)
    read = load_trust(storage.path("t.safetensors"))
    assert read.temperature == 1.25
    for name in ("conformity", "neighbours", "distances"):
        assert torch.equal(getattr(read, name), getattr(trust, name))
    assert read.novelty_limit == float(trust.distances[19])


def test_trust_of_a_single_validation_image_is_stored(storage: LocalStorage) -> None:
    trust = Trust(1.0, torch.empty(0), torch.eye(2), torch.tensor([0.5]))
    save_trust(storage, "t.safetensors", trust)
    assert load_trust(storage.path("t.safetensors")).novelty_limit is None


@pytest.mark.parametrize("content", [b"", b"something else", b"half"])
def test_a_damaged_file_is_refused(storage: LocalStorage, content: bytes) -> None:
    save_trust(storage, "whole", make_trust())
    with storage.new_file("damaged") as file:
        file.write(storage.path("whole").read_bytes()[:-100] if content == b"half" else content)
    with pytest.raises(CheckpointInvalid):
        load_trust(storage.path("damaged"))


def test_an_altered_file_is_refused(storage: LocalStorage) -> None:
    save_trust(storage, "t", make_trust())
    flip_last_bit(storage.path("t"))
    with pytest.raises(CheckpointInvalid, match="changed after"):
        load_trust(storage.path("t"))


def test_later_changes_of_the_file_do_not_affect_loaded_trust(storage: LocalStorage) -> None:
    save_trust(storage, "t", make_trust())
    read = load_trust(storage.path("t"))
    overwrite(storage.path("t"))
    assert torch.equal(read.conformity, make_trust().conformity)
    assert torch.equal(read.distances, make_trust().distances)


def test_a_file_without_a_digest_is_read(storage: LocalStorage) -> None:
    save_trust(storage, "t", make_trust())
    path = storage.path("t")
    safetensors.torch.save_file(safetensors.torch.load(path.read_bytes()), path)
    assert load_trust(path).temperature == 1.25

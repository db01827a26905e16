import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torchvision import models

from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models import checkpoint
from app.ml.models.architectures import build, build_arguments, is_trainable
from app.ml.models.catalogue import (
    CATALOGUE_PATH,
    ArchitectureSpec,
    num_parameters,
    num_trainable_parameters,
)
from app.ml.models.catalogue_generator import describe, to_line
from app.ml.models.checkpoint import Checkpoint, CheckpointHeader
from app.ml.models.construction import WithoutMemory
from app.ml.models.features import has_linear_head, head_weights, set_head, tap_features
from app.ml.models.pretrained import Provenance
from app.ml.recipe import Strategy
from app.storage import LocalStorage
from tests.unit.ml.architectures import each_architecture

CLASS_NAMES = ("ants", "bees", "wasps")
BATCH_SIZE = 2
WHOLE_STRATEGIES: tuple[Strategy, ...] = ("feature_extract", "fine_tune", "scratch")


@each_architecture
def test_the_catalogue_equals_the_generators_output(architecture: ArchitectureSpec) -> None:
    lines = CATALOGUE_PATH.read_text(encoding="utf-8").splitlines()
    assert to_line(describe(architecture.name)) in {line.rstrip(",") for line in lines}


@each_architecture
def test_weights_have_torchvisions_preprocessing(architecture: ArchitectureSpec) -> None:
    published = {weights.name: weights for weights in models.get_model_weights(architecture.name)}
    for weights in architecture.weights:
        theirs = published[weights.name]
        assert weights.url == theirs.url
        assert weights.url.endswith(f"-{weights.sha256_prefix}.pth")
        assert weights.crop_size == theirs.transforms().crop_size[0]
        percent = theirs.meta["_metrics"]["ImageNet-1K"]["acc@1"]
        assert weights.imagenet_accuracy == pytest.approx(percent / 100)
        assert weights.gflops == theirs.meta["_ops"]
        assert architecture.num_parameters == theirs.meta["num_params"]
    assert sum(weights.is_default for weights in architecture.weights) == 1


@each_architecture
def test_parameter_counts_equal_those_of_a_built_model(architecture: ArchitectureSpec) -> None:
    with WithoutMemory():
        model = build(
            architecture.name, 7, arguments=build_arguments(architecture.name, is_pretrained=False)
        )
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    assert num_parameters(architecture, 7) == sum(sizes.values())
    choices: list[tuple[Strategy, str | None]] = [
        *((strategy, None) for strategy in WHOLE_STRATEGIES),
        *(("partial", layer.name) for layer in architecture.layers),
    ]
    for strategy, trainable_from in choices:
        counted = num_trainable_parameters(architecture, strategy, trainable_from, 7)
        learning = (n for n in sizes if is_trainable(architecture, n, strategy, trainable_from))
        assert counted == sum(sizes[name] for name in learning)


@each_architecture
def test_layers_are_in_the_order_of_the_forward_pass(architecture: ArchitectureSpec) -> None:
    with WithoutMemory():
        model = build(
            architecture.name, 3, arguments=build_arguments(architecture.name, is_pretrained=False)
        )
    passed: list[str] = []
    names = [layer.name for layer in architecture.layers]
    for name in names:
        model.get_submodule(name).register_forward_pre_hook(
            lambda *_, name=name: passed.append(name)
        )
    model.to("meta")(
        torch.empty(2, 3, architecture.input_size, architecture.input_size, device="meta")
    )
    assert list(dict.fromkeys(passed)) == names


@pytest.fixture
def images(architecture: ArchitectureSpec) -> Tensor:
    """Two random images of a size that is quick for the architecture."""
    size = (
        architecture.input_size
        if architecture.fixed_input_size
        else max(architecture.min_input_size, 32)
    )
    return torch.randn(BATCH_SIZE, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model(architecture: ArchitectureSpec) -> nn.Module:
    torch.manual_seed(0)
    return build(
        architecture.name,
        len(CLASS_NAMES),
        arguments=choose_arguments(architecture),
        is_trained=lambda name: is_trainable(architecture, name, "feature_extract", None),
    )


@each_architecture
def test_heads_are_trained_and_the_model_is_stored_and_exported(
    architecture: ArchitectureSpec, model: nn.Module, images: Tensor, storage: LocalStorage
) -> None:
    backbone = checkpoint.compute_backbone_digest(model)
    heads = take_one_step(model, images)
    assert heads == {
        f"{head.name}.{part}" for head in architecture.heads for part in ("weight", "bias")
    }
    assert checkpoint.compute_backbone_digest(model) == backbone

    model.eval()
    restored = store_and_restore(architecture, model, storage)
    with torch.inference_mode():
        scores = model(images)
        assert torch.equal(restored(images), scores)
    assert scores.shape == (BATCH_SIZE, len(CLASS_NAMES))

    exported = torch.export.export(model, (images,))
    torch.testing.assert_close(exported.module()(images), scores)


@each_architecture
def test_the_head_is_a_matrix_applied_to_the_features(
    architecture: ArchitectureSpec, model: nn.Module, images: Tensor
) -> None:
    model.eval()
    features = tap_features(model, architecture, images)
    weight, bias = head_weights(model, architecture)
    assert features.shape == (BATCH_SIZE, architecture.heads[-1].in_features)
    assert has_linear_head(model, architecture)
    torch.testing.assert_close(model(images), features @ weight.T + bias, rtol=0, atol=1e-5)
    set_head(model, architecture, -2 * weight, bias + 1)
    expected = features @ (-2 * weight.T) + bias + 1
    torch.testing.assert_close(model(images), expected, rtol=0, atol=1e-5)


def choose_arguments(architecture: ArchitectureSpec) -> dict[str, bool | int]:
    """A linear head: one that ends in a ReLU may get no gradient at all from two images."""
    return build_arguments(architecture.name, is_pretrained=False, head="linear")


def take_one_step(model: nn.Module, images: Tensor) -> set[str]:
    """The names of the trainable parameters that a step of gradient descent has changed."""
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    before = {name: p.detach().clone() for name, p in trainable.items()}
    answer = model.train()(images)
    scores = (answer,) if isinstance(answer, Tensor) else answer  # Inception's two heads
    torch.stack([cross_entropy(each, torch.tensor([0, 2])) for each in scores]).sum().backward()  # type: ignore[no-untyped-call]
    torch.optim.SGD(trainable.values(), lr=0.1).step()
    return {name for name, p in trainable.items() if not torch.equal(p, before[name])}


def store_and_restore(
    architecture: ArchitectureSpec, model: nn.Module, storage: LocalStorage
) -> nn.Module:
    header = CheckpointHeader(
        architecture=architecture.name,
        build_arguments=choose_arguments(architecture),
        num_classes=len(CLASS_NAMES),
        class_names=CLASS_NAMES,
        preprocessing=PreprocessingSpec(input_size=64, resize_size=64),
        weights=Provenance(source="none", name="none", digest=None),
    )
    checkpoint.save(storage, "m.safetensors", Checkpoint(header, model.state_dict()))
    path = storage.path("m.safetensors")
    restored, _ = checkpoint.restore_model(checkpoint.load(path))
    path.unlink()  # the largest has gigabytes
    return restored

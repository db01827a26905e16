import pytest
import torch
from torch import Tensor, nn

from app.errors import ValidationFailed
from app.ml.models.architectures import build, build_arguments, is_trainable
from app.ml.models.catalogue import get_architecture
from app.ml.recipe import HeadKind, Recipe, Strategy
from tests.unit.training.conftest import MakeConfig
from tests.unit.training.learners import CPU
from worker.training.frozen import ActivationFeed, split_model
from worker.training.learner import Learner
from worker.training.loop import eval_pass, train_pass
from worker.training.objective import Objective
from worker.training.optim import make_optimizer

SIZES = {"vit_b_16": 224, "inception_v3": 299}

SPLITS: list[tuple[str, str | None]] = [
    ("squeezenet1_0", None),
    ("squeezenet1_0", "features.8"),
    ("resnet18", None),
    ("resnet18", "layer3"),
    ("resnet18", "conv1"),
    ("densenet121", None),
    ("densenet121", "features.denseblock3"),
    ("densenet121", "features.transition2"),
    ("mobilenet_v2", None),
    ("mobilenet_v2", "features.12"),
    ("vit_b_16", None),
    ("vit_b_16", "encoder.layers.encoder_layer_6"),
    ("efficientnet_b0", "features.5"),
    ("convnext_tiny", "features.5"),
    ("googlenet", "inception4c"),
    ("shufflenet_v2_x0_5", "stage4"),
    ("inception_v3", "Mixed_7a"),
]


def list_batch_norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


def make_model(
    name: str, strategy: Strategy, layer: str | None, head: HeadKind = "linear"
) -> nn.Module:
    entry = get_architecture(name)
    torch.manual_seed(0)
    model = build(
        name,
        3,
        arguments=build_arguments(name, is_pretrained=False, head=head),
        is_trained=lambda parameter: is_trainable(entry, parameter, strategy, layer),
    )
    with torch.no_grad():
        for norm in list_batch_norms(model):
            norm.momentum = 1.0
        if list_batch_norms(model):
            model.train()(images_for(name, 3))  # statistics that keep images apart
        for norm in list_batch_norms(model):
            norm.momentum = 0.1
    return model


def make_recipe(make_config: MakeConfig, name: str, layer: str | None, **fields: object) -> Recipe:
    return make_config(
        architecture=name,
        strategy="partial" if layer else "feature_extract",
        trainable_from=layer,
        batch_norm="eval",
        cached_views=1,
        input_size=SIZES.get(name, 64),
        **fields,
    ).recipe


def images_for(name: str, num_images: int = 2) -> Tensor:
    size = SIZES.get(name, 64)
    random = torch.Generator().manual_seed(1)
    images = torch.randn(num_images, 3, size, size, generator=random)
    return images.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("name", "layer"), SPLITS)
def test_both_parts_together_are_the_model(
    make_config: MakeConfig, name: str, layer: str | None
) -> None:
    recipe = make_recipe(make_config, name, layer)
    model = make_model(name, recipe.strategy, layer)
    split = split_model(model, get_architecture(name), recipe)
    activations = split.frozen(images_for(name))
    assert not activations.requires_grad
    with torch.no_grad():
        scores = split.trainable.eval()(activations)
        expected = model.eval()(images_for(name))
    assert scores.shape == (2, 3)
    assert torch.allclose(scores, expected, atol=1e-4)
    assert (scores[0] - scores[1]).abs().max() > 0.02, "the case needs images to differ"
    learning = {id(p) for p in model.parameters() if p.requires_grad}
    behind = {id(p) for p in split.trainable.parameters()}
    learning -= {id(p) for n, p in model.named_parameters() if n.startswith("AuxLogits.")}
    assert learning <= behind
    frozen = {id(p) for p in model.parameters() if not p.requires_grad}
    assert not behind & frozen, "nothing that is frozen is left in the trainable part"


def test_a_head_that_ends_in_a_relu_is_split_before_the_head(make_config: MakeConfig) -> None:
    recipe = make_recipe(make_config, "squeezenet1_0", None, head="torchvision")
    model = make_model("squeezenet1_0", "feature_extract", None, head="torchvision")
    split = split_model(model, get_architecture("squeezenet1_0"), recipe)
    activations = split.frozen(images_for("squeezenet1_0"))
    assert activations.ndim == 4, "the ReLU comes before the mean, so that maps must be kept"
    with torch.no_grad():
        scores, expected = (
            split.trainable.eval()(activations),
            model.eval()(images_for("squeezenet1_0")),
        )
    assert torch.allclose(scores, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("densenet121", "features.denseblock1.denselayer2"),
        ("resnet18", "nowhere"),
        ("inception_v3", "AuxLogits"),
    ],
)
def test_an_impossible_split_is_refused_with_what_to_do(
    make_config: MakeConfig, name: str, layer: str
) -> None:
    recipe = make_recipe(make_config, name, layer)
    model = make_model(name, "fine_tune", None)
    with pytest.raises(ValidationFailed) as caught:
        split_model(model, get_architecture(name), recipe)
    (problem,) = caught.value.problems
    assert problem.loc == ("cached_views",)
    assert problem.allowed == ("null",)
    assert layer in problem.message


@pytest.mark.parametrize("layer", [None, "layer4"])
def test_training_on_activations_moves_what_may_learn_and_nothing_else(
    make_config: MakeConfig, layer: str | None
) -> None:
    recipe = make_recipe(make_config, "resnet18", layer, optimizer={"name": "adamw"})
    entry = get_architecture("resnet18")
    model = make_model("resnet18", recipe.strategy, layer)
    optimizer = make_optimizer(model, recipe, entry)
    split = split_model(model, entry, recipe)
    learner = Learner(
        model=split.trainable,
        optimizer=optimizer,
        objective=Objective("resnet18"),
        device=CPU,
        batch_norm=recipe.batch_norm,
    )
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    activations = split.frozen(images_for("resnet18", 6)).detach()
    targets = torch.tensor([0, 1, 2, 0, 1, 2])
    feed = ActivationFeed(recipe, [activations], targets, activations, targets)
    train_pass(learner, feed.train_batches(1), [0.01] * 2, lambda _: None, seed=0, epoch=1)
    moved = {
        name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])
    }
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    assert moved == learning
    eval_pass(learner, feed.val_batches(), lambda _: None)


def make_feed(recipe: Recipe, num_views: int = 3) -> ActivationFeed:
    """Nine images whose activations are 100 times the view plus their number."""
    numbers = torch.arange(9.0)[:, None]
    views = [100.0 * view + numbers for view in range(1, num_views + 1)]
    targets = torch.tensor([0, 0, 0, 0, 0, 0, 0, 0, 1])
    return ActivationFeed(recipe, views, targets, numbers[:5], targets[:5])


def seen(feed: ActivationFeed, epoch: int) -> list[float]:
    return torch.cat([images[:, 0] for images, _ in feed.train_batches(epoch)]).tolist()


def test_epochs_take_the_views_in_turn_each_in_an_order_of_its_own(
    make_config: MakeConfig,
) -> None:
    feed = make_feed(make_config(batch_size=4).recipe)
    orders = {}
    for epoch in range(1, 8):
        shown = seen(feed, epoch)
        view = (epoch - 1) % 3 + 1
        assert sorted(shown) == [100.0 * view + number for number in range(9)]
        orders[epoch] = [level % 100 for level in shown]
    assert len({tuple(order) for order in orders.values()}) == 7
    assert [len(targets) for _, targets in feed.train_batches(1)] == [4, 5]
    assert feed.num_train_batches == 2
    assert [len(targets) for _, targets in feed.val_batches()] == [5]
    assert feed.num_val_batches == 1


def test_targets_stay_with_their_activations(make_config: MakeConfig) -> None:
    feed = make_feed(make_config(batch_size=4).recipe)
    for images, targets in (*feed.train_batches(1), *feed.val_batches()):
        assert torch.equal(images[:, 0] % 100 == 8, targets == 1)


def test_rare_classes_are_shown_more_often_if_so_wanted(make_config: MakeConfig) -> None:
    feed = make_feed(make_config(batch_size=4, class_balance="sampling").recipe)
    rare = [level for epoch in range(1, 101) for level in seen(feed, epoch) if level % 100 == 8]
    assert 350 < len(rare) < 550, "half of 900, within five standard deviations"

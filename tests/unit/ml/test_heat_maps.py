"""Heat maps find an object that was planted in the image."""

import io
from concurrent.futures import ThreadPoolExecutor

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models.architectures import build, build_arguments
from app.ml.models.catalogue import ArchitectureSpec, get_architecture
from app.ml.models.features import set_head
from app.ml.runtime.scoring import ScoringNetwork
from app.ml.trust.heat_maps import Explainer, draw_heat
from tests.unit.ml.architectures import each_architecture

NUM_LEARNT = 12
NUM_TRIED = 8
SIZE = 160
Place = tuple[slice, slice]


def draw(number: int, side: int, seed: int, *, is_planted: bool) -> tuple[Tensor, list[Place]]:
    """Grey noise, uint8 [number, 3, side, side], with a chequered square at a chance place."""
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(120, 136, (number, 3, side, side), generator=random, dtype=torch.uint8)
    length = side * 3 // 8
    steps = torch.arange(length) // 8
    chequers = 255 * ((steps[:, None] + steps) % 2).to(torch.uint8)
    square = torch.stack([chequers, chequers // 4, chequers // 4])
    places = []
    for image in images:
        top, left = torch.randint(side - length + 1, (2,), generator=random).tolist()
        place = slice(top, top + length), slice(left, left + length)
        if is_planted:
            image[:, *place] = square
        places.append(place)
    return images, places


def make_network(architecture: ArchitectureSpec, side: int) -> ScoringNetwork:
    """Random layers below a head that tells images with the square (class 1) from those without.

    The head points from one class's mean to the other's, in units of each feature's spread.
    """
    torch.manual_seed(0)
    arguments = build_arguments(architecture.name, is_pretrained=False, head="linear")
    model = build(architecture.name, 2, arguments=arguments)
    if architecture.name.startswith(("swin_v2", "vit")):
        quieten_branches(model)
    spec = PreprocessingSpec(input_size=side, resize_size=side)
    network = ScoringNetwork(model, architecture, spec)
    if architecture.name.startswith("shufflenet"):
        learn_statistics(network, draw(NUM_LEARNT, side, 1, is_planted=True)[0])
    with torch.inference_mode():
        planted = network(draw(NUM_LEARNT, side, 1, is_planted=True)[0])[1]
        empty = network(draw(NUM_LEARNT, side, 2, is_planted=False)[0])[1]
    spread = torch.cat([planted - planted.mean(0), empty - empty.mean(0)]).std(0)
    weight = (planted.mean(0) - empty.mean(0)) / (spread + 0.01 * planted.std()).square()
    weight = (weight / weight.norm()).clone()
    set_head(model, architecture, torch.stack([-weight, weight]), torch.zeros(2))
    return network


def learn_statistics(network: ScoringNetwork, images: Tensor) -> None:
    """Give BatchNorm the images' own statistics.

    ShuffleNet's first weights are so small that without them next to nothing of an image is left.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network.train()(images)
    network.eval()


def quieten_branches(model: nn.Module) -> None:
    """Begin as Swin V2's authors do: with branches that add next to nothing.

    torchvision begins with branches as loud as what they are added to, so that random attention
    has spread everything over the whole image by the last layer of a deep transformer.
    """
    for name, parameter in model.named_parameters():
        if name.endswith(("norm1.weight", "norm2.weight", "ln_1.weight", "ln_2.weight")):
            parameter.data.mul_(0.1)


@each_architecture
def test_the_heat_map_finds_the_planted_square(architecture: ArchitectureSpec) -> None:
    side = (
        architecture.input_size
        if architecture.fixed_input_size
        else max(architecture.min_input_size, SIZE)
    )
    explainer = Explainer(make_network(architecture, side))
    images, places = draw(NUM_TRIED, side, 3, is_planted=True)
    num_found = 0
    for image, place in zip(images, places, strict=True):
        heat = explainer.explain(image, 1)
        assert heat.ndim == 2
        assert heat.shape[0] == heat.shape[1] > 1
        assert (float(heat.min()), float(heat.max())) == (0.0, 1.0)
        smooth = interpolate(heat[None, None], (side, side), mode="bilinear")[0, 0]
        num_found += float(smooth[place].max()) == float(smooth.max())
    assert num_found >= NUM_TRIED / 2, "by chance one peak in seven lies in the square"


def test_the_heat_map_is_that_of_the_requested_class() -> None:
    explainer = Explainer(make_network(get_architecture("squeezenet1_0"), SIZE))
    image = draw(1, SIZE, 3, is_planted=True)[0][0]
    without, planted = (explainer.explain(image, index) for index in (0, 1))
    assert without.any()
    assert planted.any()
    assert not (without * planted).any(), "of two classes, what speaks for one is against the other"


def test_a_score_common_to_all_classes_gives_no_heat() -> None:
    network = make_network(get_architecture("squeezenet1_0"), SIZE)
    image = draw(1, SIZE, 3, is_planted=True)[0][0]
    before = Explainer(network).explain(image, 1)
    with torch.no_grad():
        network.get_parameter("model.classifier.1.weight").add_(0.5)
    torch.testing.assert_close(Explainer(network).explain(image, 1), before, rtol=0, atol=1e-4)


def test_threads_get_their_own_heat_maps() -> None:
    explainer = Explainer(make_network(get_architecture("squeezenet1_0"), SIZE))
    images = draw(NUM_TRIED, SIZE, 3, is_planted=True)[0]
    alone = [explainer.explain(image, 1) for image in images]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda image: explainer.explain(image, 1), images))
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one, other)


def test_the_heat_map_is_drawn_in_colour_on_the_grey_image() -> None:
    pixels = torch.full((3, 64, 64), 100, dtype=torch.uint8)
    pixels[0] = 130
    heat = torch.zeros(4, 4)
    heat[0, 3] = 1.0
    picture = Image.open(io.BytesIO(draw_heat(pixels, heat)))
    assert (picture.format, picture.size, picture.mode) == ("PNG", (64, 64), "RGB")
    assert picture.getpixel((0, 63)) == (110, 110, 110)
    assert picture.getpixel((63, 0)) == (212, 212, 33), "the hottest place is yellow"
    red, green, blue = picture.getpixel((50, 0))  # type: ignore[misc] # of an RGB image
    assert red > green > blue

import pytest
import torch

from app.ml.trust.trust_file import Trust
from app.predictions.postprocess import postprocess
from app.predictions.schemas import PredictOptions

NAMES = ("a", "b", "c")
FEATURES = torch.zeros(4)


def make_trust(temperature: float) -> Trust:
    return Trust(temperature, torch.ones(1), torch.eye(4), torch.ones(1))


def test_equally_probable_classes_keep_the_order_of_the_classes() -> None:
    logits = torch.tensor([0.25, 0.5, 0.25]).log()
    result = postprocess(logits, FEATURES, NAMES, None, PredictOptions(top_k=3))
    assert [score.label for score in result.ranking] == ["b", "a", "c"]
    assert [score.probability for score in result.ranking] == pytest.approx([0.5, 0.25, 0.25])
    assert len(postprocess(logits, FEATURES, NAMES, None, PredictOptions(top_k=2)).ranking) == 2


def test_probabilities_are_those_of_the_calibrated_logits() -> None:
    logits = torch.tensor([2.0, 0.0, -2.0])
    plain = postprocess(logits, FEATURES, NAMES, None, PredictOptions()).ranking
    cooled = postprocess(logits, FEATURES, NAMES, make_trust(2.0), PredictOptions()).ranking
    assert plain[0].probability == pytest.approx(float(logits.softmax(0)[0]))
    assert cooled[0].probability == pytest.approx(float((logits / 2).softmax(0)[0]))

import pytest
import torch

from app.ml.trust.trust_file import Trust
from app.predictions.postprocess import judge
from app.predictions.results import Wish

NAMES = ("a", "b", "c")
FEATURES = torch.zeros(4)


def make_trust(temperature: float) -> Trust:
    return Trust(temperature, torch.ones(1), torch.eye(4), torch.ones(1))


def test_equally_probable_classes_keep_the_order_of_the_classes() -> None:
    logits = torch.tensor([0.25, 0.5, 0.25]).log()
    verdict = judge(logits, FEATURES, NAMES, None, Wish(top_k=3))
    assert [ranked.label for ranked in verdict.ranking] == ["b", "a", "c"]
    assert [p.probability for p in verdict.ranking] == pytest.approx([0.5, 0.25, 0.25])
    assert len(judge(logits, FEATURES, NAMES, None, Wish(top_k=2)).ranking) == 2


def test_probabilities_are_those_of_the_calibrated_logits() -> None:
    logits = torch.tensor([2.0, 0.0, -2.0])
    plain = judge(logits, FEATURES, NAMES, None, Wish()).ranking
    cooled = judge(logits, FEATURES, NAMES, make_trust(2.0), Wish()).ranking
    assert plain[0].probability == pytest.approx(float(logits.softmax(0)[0]))
    assert cooled[0].probability == pytest.approx(float((logits / 2).softmax(0)[0]))

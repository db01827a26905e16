"""The search of candidates, with candidates whose seconds and accuracies are given."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BudgetTooSmall, WeightsUnavailable
from app.jobs.portfolio_schemas import Portfolio
from app.ml.models.catalogue import ArchitectureSpec, get_architecture
from app.ml.recipe import Lbfgs, Recipe, decide
from app.recipes.defaults import resolve
from app.recipes.schemas import JobRequest
from worker.portfolio.clock import BudgetClock
from worker.portfolio.journal import Journal
from worker.portfolio.plan import EvaluationCost
from worker.portfolio.results import CandidateResult, Interrupted, Measurement
from worker.portfolio.search import CandidateSearch, SearchResult
from worker.protocol import Message, PortfolioChanged
from worker.training.balance import Balance, SolvedHeads
from worker.training.head import LinearHead, Solution

NAMES = ("alexnet", "resnet18", "squeezenet1_0", "vgg11_bn")
EVALUATION = EvaluationCost(decoding=0.0, forward=0.0, num_evaluated=0, num_trust=0)
RESERVE = EVALUATION.of_head
NUM_IMAGES = 100


def make_recipe() -> Recipe:
    request = JobRequest(dataset_id="ds_1")
    recipe = decide(resolve(request, dataset_name="any", num_threads=1, base=None))
    return recipe.model_copy(update={"optimizer": Lbfgs(l2_strengths=(0.1,)), "epochs": 1})


RECIPE = make_recipe()


@dataclass
class Time:
    """A clock that only moves when a candidate works."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Backbone:
    """What a candidate would take, what it really takes, and what comes out."""

    estimated: float = 5.0
    measured: float = 5.0
    real: float = 5.0
    accuracy: float = 0.8
    error: Exception | None = None


@dataclass
class Runner:
    """Runs backbones whose figures are known."""

    time: Time
    backbones: dict[str, Backbone]
    ran: list[str] = field(default_factory=list)
    _loaded: str = ""

    def estimate(self, architecture: ArchitectureSpec) -> float:
        return self.backbones[architecture.name].estimated

    def measure(self, architecture: ArchitectureSpec) -> Measurement:
        backbone = self.backbones[architecture.name]
        if backbone.error:
            raise backbone.error
        self._loaded = architecture.name
        return Measurement(backbone.measured, EVALUATION)

    def run(self, has_time: Callable[[float], bool], *, is_first: bool) -> CandidateResult:
        name = self._loaded
        backbone = self.backbones[name]
        for _ in range(10):
            self.time.now += backbone.real / 10
            if not is_first and not has_time(0.0):
                raise Interrupted
        self.ran.append(name)
        num_right = round(backbone.accuracy * NUM_IMAGES)
        targets = torch.zeros(NUM_IMAGES, dtype=torch.int64)
        scores = torch.zeros(NUM_IMAGES, 2)
        scores[:num_right, 0] = 1
        scores[num_right:, 1] = 1
        solution = Solution(
            l2_strength=0.1,
            head=LinearHead(torch.zeros(2, 1), torch.zeros(2)),
            cv_loss=1 - backbone.accuracy,
            cv_accuracy=backbone.accuracy,
            held_out=torch.ones(NUM_IMAGES, dtype=torch.bool),
            out_of_fold=scores,
        )
        path = SolvedHeads(torch.zeros(NUM_IMAGES, 1), targets, Balance(None, None, [solution]))
        return CandidateResult(get_architecture(name), RECIPE, path, targets, EVALUATION)


@dataclass
class Attempt:
    """One attempt of a search, and all messages that it has sent."""

    backbones: dict[str, Backbone]
    budget: float
    portfolio: Portfolio | None = None
    may_fine_tune: bool = False
    should_stop: Callable[[], bool] = lambda: False
    time: Time = field(default_factory=Time)

    def __post_init__(self) -> None:
        time = self.time
        earlier = self.portfolio or Portfolio(job_id="job_1", time_budget_seconds=self.budget)
        self.sent: list[Message] = []
        clock = BudgetClock(self.budget, earlier.used_seconds, time)
        self.journal = Journal(earlier, clock, self.sent.append)
        self.runner = Runner(time, self.backbones)
        self.search = CandidateSearch(
            [get_architecture(name) for name in self.backbones],
            self.runner,
            self.journal,
            may_fine_tune=self.may_fine_tune,
            should_stop=self.should_stop,
        )

    def run(self) -> SearchResult:
        return self.search.run()

    @property
    def states(self) -> dict[str, str]:
        return {one.architecture: one.state for one in self.journal.candidates}


BACKBONES = st.dictionaries(
    st.sampled_from(NAMES),
    st.builds(
        Backbone,
        estimated=st.floats(0.1, 100),
        measured=st.floats(0.1, 100),
        real=st.floats(0.1, 100),
        accuracy=st.floats(0.1, 0.9),
    ),
    min_size=1,
)


@given(BACKBONES, st.floats(30, 300), st.booleans())
def test_every_candidate_is_settled_and_the_budget_is_kept(
    backbones: dict[str, Backbone], budget: float, may_fine_tune: bool
) -> None:
    attempt = Attempt(backbones, budget, may_fine_tune=may_fine_tune)
    try:
        result = attempt.run()
    except BudgetTooSmall:
        assert not attempt.runner.ran
        assert min(one.measured for one in backbones.values()) + RESERVE > budget
        return
    assert attempt.states.keys() == backbones.keys()
    assert set(attempt.states.values()) <= {"tried", "skipped"}
    assert all(one.reason for one in attempt.journal.candidates)
    tried = {name for name, state in attempt.states.items() if state == "tried"}
    assert tried == set(attempt.runner.ran)
    best = max(backbones[name].accuracy for name in tried)
    assert result.best is not None
    assert result.best.accuracy.value == pytest.approx(best, abs=0.01)
    kept = [result.best, *result.others]
    assert len({one.architecture.name for one in kept}) == len(kept) == min(len(tried), 3)
    ranked = sorted((backbones[name].accuracy for name in tried), reverse=True)
    assert [one.accuracy.value for one in kept] == pytest.approx(ranked[:3], abs=0.01)
    first = backbones[attempt.runner.ran[0]].real
    longest = max(one.real for one in backbones.values()) / 10
    # After the first one, which may take longer than it was measured, a candidate is interrupted.
    assert attempt.journal.clock.used() <= max(first, budget - RESERVE) + longest * len(backbones)


@given(BACKBONES, st.floats(30, 300))
def test_the_same_figures_give_the_same_search(
    backbones: dict[str, Backbone], budget: float
) -> None:
    searches = [Attempt(backbones, budget) for _ in range(2)]
    for one in searches:
        try:
            one.run()
        except BudgetTooSmall:
            continue
    assert searches[0].journal.portfolio == searches[1].journal.portfolio


def test_a_candidate_that_does_not_fit_is_skipped_with_the_reason() -> None:
    attempt = Attempt(
        {"resnet18": Backbone(), "vgg11_bn": Backbone(estimated=500, measured=500)}, budget=60
    )
    result = attempt.run()
    assert attempt.states == {"resnet18": "tried", "vgg11_bn": "skipped"}
    assert attempt.journal.candidates[1].reason == (
        "It would need 500 s more, and 53 s are left before the evaluation."
    )
    assert attempt.journal.candidates[1].expected_seconds == 500
    assert result.reason == "budget_used"


def test_a_wrong_estimate_is_corrected_by_the_measurement() -> None:
    attempt = Attempt(
        {"resnet18": Backbone(), "vgg11_bn": Backbone(estimated=100, measured=5)}, budget=60
    )
    assert attempt.run().reason == "all_tried"
    assert set(attempt.states.values()) == {"tried"}


def test_half_of_the_budget_is_left_for_fine_tuning_and_used_without_it() -> None:
    backbones = {
        "resnet18": Backbone(estimated=1, measured=10, real=10),
        "vgg11_bn": Backbone(estimated=30, measured=30, real=30, accuracy=0.9),
    }
    attempt = Attempt(backbones, budget=62, may_fine_tune=True)
    first = attempt.run()
    assert attempt.states == {"resnet18": "tried", "vgg11_bn": "skipped"}
    assert first.best is not None
    assert first.best.architecture.name == "resnet18"
    better = attempt.search.use_rest()
    assert attempt.states == {"resnet18": "tried", "vgg11_bn": "tried"}
    assert better.best is not None
    assert better.best.architecture.name == "vgg11_bn"
    assert [one.architecture for one in attempt.journal.candidates] == ["resnet18", "vgg11_bn"]


def test_an_accurate_head_ends_the_search() -> None:
    attempt = Attempt({"resnet18": Backbone(estimated=1, accuracy=1.0), "vgg11_bn": Backbone()}, 60)
    assert attempt.run().reason == "accurate_enough"
    assert attempt.states == {"resnet18": "tried"}


def test_a_stop_keeps_the_best_so_far_but_needs_a_first() -> None:
    backbones = {name: Backbone() for name in NAMES}
    attempt = Attempt(backbones, 300, should_stop=lambda: True)
    result = attempt.run()
    assert result.reason == "stopped"
    assert list(attempt.states.values()) == ["tried"]
    assert result.best is not None


def test_a_stop_interrupts_a_later_candidate() -> None:
    time = Time()
    backbones = {name: Backbone() for name in NAMES[:2]}
    attempt = Attempt(backbones, 300, should_stop=lambda: time.now > 7, time=time)
    assert attempt.run().reason == "stopped"
    assert sorted(attempt.states.values()) == ["skipped", "tried"]
    assert attempt.journal.candidates[1].reason == "The job was stopped while it ran."


def test_a_candidate_that_takes_too_long_is_interrupted() -> None:
    backbones = {
        "resnet18": Backbone(estimated=1),
        "vgg11_bn": Backbone(estimated=5, measured=5, real=500),
    }
    attempt = Attempt(backbones, budget=60)
    assert attempt.run().reason == "budget_used"
    assert attempt.states == {"resnet18": "tried", "vgg11_bn": "skipped"}
    assert "longer than expected" in attempt.journal.candidates[1].reason


def test_a_candidate_that_cannot_run_is_skipped_unless_it_is_the_only_one() -> None:
    broken = Backbone(estimated=1, error=WeightsUnavailable("The file is damaged."))
    attempt = Attempt({"alexnet": broken, "resnet18": Backbone()}, 60)
    attempt.run()
    assert attempt.states == {"alexnet": "skipped", "resnet18": "tried"}
    assert attempt.journal.candidates[0].reason == "The file is damaged."
    with pytest.raises(WeightsUnavailable, match="damaged"):
        Attempt({"alexnet": broken}, 60).run()
    too_large = Backbone(estimated=1, error=MemoryError())
    attempt = Attempt({"alexnet": too_large, "resnet18": Backbone()}, 60)
    attempt.run()
    assert "memory" in attempt.journal.candidates[0].reason


def test_a_budget_that_is_too_short_for_all_names_the_fastest() -> None:
    slow = {"alexnet": Backbone(measured=100), "resnet18": Backbone(measured=50)}
    with pytest.raises(BudgetTooSmall, match=r"resnet18, began after \d+ s and needs about 52 s"):
        Attempt(slow, budget=30).run()


def test_settled_candidates_are_not_run_again() -> None:
    backbones = {name: Backbone() for name in NAMES}
    first = Attempt(backbones, 300)
    first.run()
    changes = [one for one in first.sent if isinstance(one, PortfolioChanged)]
    interrupted = next(
        one.portfolio
        for one in changes
        if [candidate.state for candidate in one.portfolio.candidates] == ["tried", "running"]
    )
    again = Attempt(backbones, 300, portfolio=interrupted)
    result = again.run()
    done = interrupted.candidates[0]
    assert again.runner.ran == [one for one in first.runner.ran if one != done.architecture]
    assert again.journal.candidates[0] == done
    assert again.journal.clock.used() == pytest.approx(first.journal.clock.used())
    assert again.journal.portfolio.chosen == first.journal.portfolio.chosen
    assert result.reason == "all_tried"

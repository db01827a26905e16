"""Studies with the Python client."""

import io
import json

from rich.console import Console

from graft_client import Graft
from graft_client.console.views.studies import study_parts
from tests.unit.client.answers import as_json, job, page, study
from tests.unit.client.conftest import Answer, Service

SCORE = {"mean": 0.9, "interval": None, "num_runs": 1}
RANKED = {
    "rank": 1,
    "trial": 1,
    "name": "only",
    "changes": {},
    "origin": None,
    "bracket": None,
    "problem": None,
    "best_val_accuracy": SCORE,
    "best_val_balanced_accuracy": 0.85,
    "last_val_accuracy": SCORE,
    "is_tied_with_best": True,
    "runs": [],
}


def test_a_study_is_posted_and_waited_for(graft: Graft, service: Service) -> None:
    ended = study(status="finished", is_terminal=True, ranking=[RANKED])
    service.answer("POST", "/studies", as_json(study(), 202))
    service.answer("GET", "/studies/study_1", as_json(study()), as_json(ended))
    posted = graft.studies.create("ds_1", configurations=[{"name": "only"}], seeds=3)
    assert json.loads(service.received[0].body) == {
        "dataset_id": "ds_1",
        "configurations": [{"name": "only"}],
        "seeds": 3,
    }
    best = posted.wait().ranking[0].best_val_accuracy
    assert best is not None
    assert best.mean == 0.9
    assert len(service.received) == 3
    assert "only" in posted._repr_html_()
    assert "<td>0.850</td>" in posted._repr_html_()


def test_studies_are_listed_with_their_jobs_and_curves(graft: Graft, service: Service) -> None:
    detailed = {"ranking", "best_so_far"}
    listed = {name: value for name, value in study().items() if name not in detailed}
    service.answer("GET", "/studies", page(listed))
    service.answer("GET", "/studies/study_1", as_json(study()))
    service.answer("GET", "/jobs", page(job()))
    service.answer("GET", "/studies/study_1/curves.png", Answer(b"PNG", content_type="image/png"))
    service.answer("POST", "/studies/study_1/cancel", as_json(study(), 202))
    service.answer("DELETE", "/studies/study_1", Answer(b"", 204))
    (found,) = graft.studies.list(q="pet")
    assert found.details() == graft.studies.get("study_1")
    assert [one.id for one in found.jobs()] == ["job_1"]
    assert service.received[-1].query == "limit=100&study_id=study_1"
    assert found.curves(limit=3).data == b"PNG"
    band = {"mean": 0.5, "low": 0.4, "high": 0.6}
    curve = {
        "trial": 1,
        "name": "only",
        "rank": 1,
        "best_val_accuracy": 0.9,
        "is_solved": False,
        "num_epochs": 1,
        "data": [{"epoch": 1, "num_runs": 2, "val_accuracy": band, "val_loss": band}],
    }
    answer = as_json({"study_id": "study_1", "data": [curve]})
    service.answer("GET", "/studies/study_1/curves", answer)
    assert found.history(points=50)[0].data[0].val_accuracy.high == 0.6
    assert service.received[-1].query == "limit=10&points=50"
    data = [{"field": "epochs", "importance": 1.0}]
    service.answer(
        "GET", "/studies/study_1/importance", as_json({"study_id": "study_1", "data": data})
    )
    assert [one.field for one in found.importance()] == ["epochs"]
    found.details().cancel()
    found.delete()


def test_an_adaptive_study_shows_what_it_waits_for(graft: Graft, service: Service) -> None:
    waiting = {
        "status": "waiting_for_results",
        "message": "Waiting for results of 2 configurations before it asks for the next.",
        "num_trials": 9,
        "num_created": 3,
        "num_running": 2,
        "num_finished": 1,
        "num_invalid": 1,
    }
    ranking = [
        RANKED | {"origin": "model"},
        RANKED | {"rank": None, "trial": 2, "name": "wrong", "problem": "no epochs", "runs": []},
    ]
    best = [{"num_trials": 1, "trial": 1, "best_val_accuracy": 0.9}]
    answer = study(search_progress=waiting, ranking=ranking, best_so_far=best)
    service.answer("GET", "/studies/study_1", as_json(answer))
    found = graft.studies.get("study_1")
    assert found.best_so_far[0].best_val_accuracy == 0.9
    console = Console(file=io.StringIO(), width=240)
    console.print(*study_parts(found, []))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "3 of 9 configurations chosen, and 1 cannot be run. Waiting for results of" in shown
    assert "only (chosen by the results)" in shown
    assert any("0.900" in line and "0.850" in line for line in shown.splitlines())
    assert "wrong (tied with the best; cannot be run: no epochs)" in shown

"""Studies with the Python client."""

import json

from graft_client import Graft
from tests.unit.client.answers import as_json, job, page, study
from tests.unit.client.conftest import Answer, Service

SCORE = {"mean": 0.9, "interval": None, "num_runs": 1}
RANKED = {
    "rank": 1,
    "trial": 1,
    "name": "only",
    "changes": {},
    "best_val_accuracy": SCORE,
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


def test_studies_are_listed_with_their_jobs_and_curves(graft: Graft, service: Service) -> None:
    listed = {name: value for name, value in study().items() if name != "ranking"}
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
    found.details().cancel()
    found.delete()

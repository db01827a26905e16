"""One trace and one form of log lines through every process of the service."""

import json
from pathlib import Path

from tests.contract.datasets import PHOTOGRAPHS
from tests.e2e.conftest import Graft
from tests.servers import running_graft
from tests.spans import attributes_of, running_collector

CALLER = "0af7651916cd43dd8448eb211c80319c"


def test_an_upload_is_one_trace_from_the_request_to_the_child_that_checks_it(
    tmp_path: Path,
) -> None:
    with running_collector() as (collector, endpoint):
        with running_graft(tmp_path, otlp_endpoint=endpoint, log_format="json") as running:
            graft = Graft(running)
            graft.http.headers["traceparent"] = f"00-{CALLER}-b7ad6b7169203331-01"
            answer = graft.http.post("/datasets", files={"file": ("colors.zip", PHOTOGRAPHS)})
            dataset_id = answer.json()["id"]
            graft.wait_for(f"/datasets/{dataset_id}", "status", "ready")
            graft.http.close()
        request = collector.get("graft-api", "POST /datasets")
        work = collector.get("graft-worker", "work ingest")
        child = collector.get("graft-worker", "python -m worker.ingestion")

    assert {request.trace_id.hex(), work.trace_id.hex(), child.trace_id.hex()} == {CALLER}
    assert work.parent_span_id == request.span_id
    assert child.parent_span_id == work.span_id
    assert attributes_of(request)["http.route"] == "/datasets"
    assert attributes_of(request)["http.response.status_code"] == 202
    described = attributes_of(work)
    assert (described["graft.kind"], described["graft.subject"]) == ("ingest", dataset_id)
    assert (described["graft.attempt"], described["graft.outcome"]) == (1, "finished")

    lines = (tmp_path / "graft.log").read_text().splitlines()
    records = [json.loads(line) for line in lines if line.startswith("{")]
    (posted,) = [one for one in records if one["message"].startswith("POST /datasets 202")]
    assert posted["request_id"] == answer.headers["x-request-id"]
    attempts = [one for one in records if one["logger"] == "worker.loop" and "subject" in one]
    assert [one["subject"] for one in attempts] == [dataset_id] * 2
    assert attempts[-1]["message"].endswith("attempt 1: finished")

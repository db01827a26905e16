"""Parse a response of `GET /metrics` with Prometheus' parser."""

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families


class Scrape:
    """A parsed response of /metrics: values by name and labels, and the names with a help text."""

    def __init__(self, client: TestClient) -> None:
        answer = client.get("/metrics")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        self.text = answer.text
        self.families = list(text_string_to_metric_families(answer.text))
        self.series = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """The value of a series; 0 for one that is not there (yet)."""
        return self.series.get((name, frozenset(labels.items())), 0.0)

    def has(self, name: str, **labels: str) -> bool:
        return (name, frozenset(labels.items())) in self.series

    def list_values(self, label: str) -> set[str]:
        """Every value that a label has."""
        return {value for _, labels in self.series for key, value in labels if key == label}

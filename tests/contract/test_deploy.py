"""The configuration of Prometheus and Grafana in deploy/."""

import json
import re
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from tests.conftest import REPOSITORY
from tests.scrapes import Scrape

DEPLOY = REPOSITORY / "deploy"


def read_yaml(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.safe_load(text)
    return read


@pytest.fixture(scope="module")
def panels() -> list[dict[str, Any]]:
    dashboard = json.loads((DEPLOY / "grafana" / "graft.json").read_text(encoding="utf-8"))
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def test_every_metric_of_the_dashboard_exists(
    client: TestClient, panels: list[dict[str, Any]]
) -> None:
    told = dict(re.findall(r"^# TYPE (\w+) (\w+)$", Scrape(client).text, re.MULTILINE))
    names = set(told)
    for name, kind in told.items():
        if kind == "histogram":
            names |= {f"{name}_bucket", f"{name}_count", f"{name}_sum"}
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    drawn = set(re.findall(r"\b(?:graft|process)_\w+", " ".join(expressions)))
    assert drawn - names == set()
    own = {name for name in told if name.startswith("graft_")}
    assert {name for name in own if not any(one.startswith(name) for one in drawn)} == set()


def test_every_panel_uses_the_configured_source(panels: list[dict[str, Any]]) -> None:
    (source,) = read_yaml("grafana/datasource.yml")["datasources"]
    assert {panel["datasource"]["uid"] for panel in panels} == {source["uid"]}
    assert all(target["expr"] for panel in panels for target in panel["targets"])
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_prometheus_and_grafana_read_the_paths_that_compose_mounts(compose: dict[str, Any]) -> None:
    services = compose["services"]
    (job,) = read_yaml("prometheus.yml")["scrape_configs"]
    (discovery,) = job["dns_sd_configs"]
    (name,) = discovery["names"]
    assert services[name]["ports"][0].endswith(f":{discovery['port']}")
    (source,) = read_yaml("grafana/datasource.yml")["datasources"]
    host, port = source["url"].removeprefix("http://").split(":")
    assert services[host]["ports"][0].endswith(f":{port}")
    (provider,) = read_yaml("grafana/dashboards.yml")["providers"]
    mounted = {one["source"]: one["target"] for one in services["grafana"]["configs"]}
    assert mounted["grafana-dashboard"].startswith(provider["options"]["path"] + "/")


def test_prometheus_sends_the_key_that_compose_gives_it(compose: dict[str, Any]) -> None:
    (job,) = read_yaml("prometheus.yml")["scrape_configs"]
    prometheus = compose["services"]["prometheus"]
    (*_, script) = prometheus["entrypoint"]
    file = job["authorization"]["credentials_file"]
    assert f'printf %s "$$METRICS_KEY" > {file} && exec /bin/prometheus' in script
    assert prometheus["environment"]["METRICS_KEY"] == "${GRAFT_METRICS_KEY:-}"


def test_files_that_compose_mounts_exist(
    compose: dict[str, Any],
) -> None:
    for config in compose["configs"].values():
        assert (REPOSITORY / config["file"]).is_file()
    used = [
        config["source"]
        for service in compose["services"].values()
        for config in service.get("configs", [])
    ]
    assert sorted(used) == sorted(compose["configs"])
    observing = {name for name, one in compose["services"].items() if "profiles" in one}
    assert observing == {"prometheus", "grafana"}

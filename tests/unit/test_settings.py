"""Defaults that depend on the machine, and errors for invalid variables."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from app import settings as settings_module
from app.settings import Settings, SettingsInvalid, environment_with, get_settings
from app.settings_text import list_settings


@pytest.mark.skipif(sys.platform != "linux", reason="one process elsewhere")
@pytest.mark.parametrize(
    ("cpus", "processes", "lanes", "gpu_lanes"),
    [(1, 1, 2, 4), (2, 2, 1, 2), (4, 2, 2, 4), (6, 3, 2, 4), (16, 8, 2, 4), (64, 8, 8, 16)],
)
def test_processes_and_lanes_follow_the_available_cpus(
    monkeypatch: pytest.MonkeyPatch, cpus: int, processes: int, lanes: int, gpu_lanes: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 128)  # the machine has more than the container
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cpus)))
    settings = Settings()
    assert settings.num_threads == cpus
    assert settings.api_processes == processes
    assert settings.predict_lanes == lanes
    assert settings.predict_gpu_lanes == gpu_lanes


@pytest.fixture
def _no_settings_read_yet() -> Iterator[None]:
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.mark.usefixtures("_no_settings_read_yet")
@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("GRAFT_PORT", "abc", "a whole number from 0 to 65535."),
        ("GRAFT_PORT", "70000", "a whole number from 0 to 65535."),
        ("GRAFT_MAX_IMAGE_BYTES", "1.5", "a whole number of at least 1."),
        ("GRAFT_LEASE_SECONDS", "0", "a number greater than 0."),
        ("GRAFT_DEVICE", "gpu", "one of auto, cpu, cuda."),
        ("GRAFT_WEIGHTS_DOWNLOAD", "perhaps", "true or false."),
        ("GRAFT_STORAGE_URL", "s3://bucket", "file:///absolute/path."),
    ],
)
def test_an_error_names_the_variable_its_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsInvalid) as raised:
        get_settings()
    assert str(raised.value) == f"{variable} is '{value}'; it must be {allowed}"


@pytest.mark.usefixtures("_no_settings_read_yet")
def test_a_name_of_an_earlier_version_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings_module.RENAMED, "GRAFT_OLD", "GRAFT_NEW")
    assert get_settings() is get_settings()
    monkeypatch.setenv("GRAFT_OLD", "1")
    with pytest.raises(ValueError, match=r"GRAFT_OLD .* GRAFT_NEW"):
        Settings()
    get_settings.cache_clear()
    with pytest.raises(SettingsInvalid) as raised:
        get_settings()
    assert str(raised.value) == "GRAFT_OLD is not a setting any more: it is called GRAFT_NEW now."


def test_the_command_line_prints_a_settings_error_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "graft_client.cli", "up"],
        env=os.environ | {"GRAFT_PORT": "abc"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("graft: GRAFT_PORT is 'abc'; it must be a whole number")
    assert done.stderr.count("\n") == 1


HIDDEN = "not-to-be-shown"


def test_another_process_gets_equal_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(port=1, oidc_roles={"ml-team": "trainer"}, oidc_client_secret=HIDDEN)
    for name, text in environment_with(settings).items():
        monkeypatch.setenv(name, text)
    assert Settings() == settings


def test_secrets_are_not_listed() -> None:
    settings = Settings(oidc_roles={"ml-team": "trainer"}, oidc_client_secret=HIDDEN)
    shown = list_settings(settings)
    assert [one.value for one in shown if one.name.endswith("_SECRET")] == ["***"]
    assert [one.value for one in shown if one.name.endswith("_ROLES")] == ['{"ml-team": "trainer"}']
    assert HIDDEN not in str(shown)

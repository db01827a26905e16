"""The life cycle of jobs in any order (hypothesis), on SQLite and PostgreSQL."""

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test

from app.db.session import Database
from app.settings import Settings
from app.storage import LocalStorage
from tests.faults.cluster import scaled
from tests.faults.figures import Figures
from tests.faults.life_cycle import LifeCycle


def run(
    database: Database,
    storage: LocalStorage,
    service_settings: Settings,
    *,
    examples: int,
    repeatable: bool,
) -> None:
    run_state_machine_as_test(
        lambda: LifeCycle(database, storage, service_settings),  # type: ignore[arg-type]  # a factory
        settings=hypothesis_settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            database=None,
            derandomize=repeatable,
            print_blob=not repeatable,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate] if repeatable else [Phase.generate, Phase.shrink],
        ),
    )


def test_any_order_of_steps_leaves_jobs_consistent(
    either_database: Database, storage: LocalStorage, settings: Settings
) -> None:
    run(either_database, storage, settings, examples=20, repeatable=True)


@pytest.mark.faults
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_many_orders_of_steps_leave_jobs_consistent(
    request: pytest.FixtureRequest,
    storage: LocalStorage,
    settings: Settings,
    figures: Figures,
    backend: str,
) -> None:
    name = "database" if backend == "sqlite" else "postgres_database"
    examples = scaled(1000)
    run(request.getfixturevalue(name), storage, settings, examples=examples, repeatable=False)
    figures.record(
        "model",
        done=f"up to 40 steps of users, workers and reapers in any order, on {backend}",
        figure=f"{examples} sequences; contradictions 0",
    )

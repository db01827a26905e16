"""Two tenants of one application, in the test's process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.access.service import add_key
from app.db.base import new_id
from app.db.session import Database
from app.db.sign_in_tables import Member
from app.db.tenancy import acting_for
from app.jobs.prediction_file import JobPredictions
from app.settings import Settings
from app.storage import LocalStorage
from app.tenants.service import create_tenant, has_tenant
from tests.answers import list_analyses
from tests.contract.datasets import check_upload, upload
from tests.contract.trainer import Trainer
from tests.models import register_model
from tests.reports import make_predictions, make_report


def ensure_tenant(session: Session, name: str) -> None:
    """Create a tenant, unless it exists."""
    if not has_tenant(session, name):
        create_tenant(session, name)


@dataclass(frozen=True)
class Tenants:
    """A running application, and what its tests need."""

    app: FastAPI
    database: Database
    storage: LocalStorage
    settings: Settings
    connect: Callable[[str], TestClient]


@contextmanager
def running_for_tenants(
    app: FastAPI, database: Database, storage: LocalStorage, settings: Settings
) -> Iterator[Tenants]:
    """Start an application with access control; `connect` returns a client with a tenant's key."""
    with TestClient(app, raise_server_exceptions=False):
        assert app.state.predictor.warm_up.wait(60)

        @cache
        def make_key(tenant: str) -> str:
            with database.transaction() as session:
                ensure_tenant(session, tenant)
                return str(add_key(session, "test", ["admin"], tenant=tenant)[1])

        def connect(tenant: str) -> TestClient:
            headers = {"Authorization": f"Bearer {make_key(tenant)}"}
            return TestClient(app, headers=headers, raise_server_exceptions=False)

        yield Tenants(app, database, storage, settings, connect)


@dataclass(frozen=True)
class Belongings:
    """The ids and names of what a tenant has, one of each kind."""

    dataset_id: str
    job_id: str
    study_id: str
    batch_id: str
    analysis_id: str
    key_id: str
    member_id: str
    name: str
    alias: str = "stable"
    version: int = 1
    image_id: int = 1
    upload_id: str = "upl_00000000000000000000000z"

    @property
    def secrets(self) -> list[str]:
        """What no other tenant may find in any response."""
        return [self.dataset_id, self.job_id, self.study_id, self.batch_id, self.name]


def give_one_of_each(tenants: Tenants, tenant: str) -> Belongings:
    """Let a tenant have a dataset, a trained job, a model with an alias, a study and a batch."""
    client, name = tenants.connect(tenant), f"{tenant}s-model"
    with acting_for(tenant):
        dataset_id = str(upload(client).json()["id"])
        check_upload(dataset_id, tenants.database, tenants.storage)
        trainer = Trainer(client, tenants.database, tenants.storage, tenants.settings)
        predictions = make_predictions([0, 1], [0, 0])
        result = JobPredictions(["ants", "bees"], "ab" * 32, {"val": predictions})
        job_id = trainer.train(dataset_id, make_report(), result)
        register_model(tenants.database, tenants.storage, name)
        assert client.put(f"/models/{name}/aliases/stable", json={"version": 1}).is_success
        assert client.put("/serving", json={"model": f"{name}:1"}).is_success
        body = {"dataset_id": dataset_id, "model": f"{name}:1"}
        batch = client.post("/predictions", json=body)
        assert batch.status_code == 202, batch.text
        runs = {"configurations": [{"name": "plain"}, {"name": "longer", "epochs": 3}]}
        base = {"weights": "none", "epochs": 2}
        study = client.post("/studies", json={"dataset_id": dataset_id, "base": base} | runs)
        assert study.status_code == 202, study.text
        job = {"dataset_id": dataset_id, "weights": "none"}
        validated = client.post("/jobs/validate", json=job, params={"dry_run": True})
        assert validated.is_success, validated.text
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "1"}
        created = client.post("/uploads", headers=headers)
        assert created.status_code == 201, created.text
        member = Member(
            id=new_id("mem"), subject="ada", name="Ada", role="viewer", has_provider_role=False
        )
        with tenants.database.transaction() as session:
            session.add(member)
        (analysis,) = [one for one in list_analyses(tenants.database) if one.kind == "dry_run"]
    return Belongings(
        dataset_id=dataset_id,
        job_id=job_id,
        study_id=study.json()["id"],
        batch_id=batch.json()["id"],
        analysis_id=analysis.id,
        key_id=client.get("/whoami").json()["id"],
        member_id=member.id,
        name=name,
        upload_id=created.headers["location"].removeprefix("/uploads/"),
    )

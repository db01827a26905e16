"""Uploads belong to tenants, count for their quotas and need a scope."""

import pytest

from app.access.principal import Origin, Principal, acting_as
from app.access.scopes import Scope
from app.db.session import Database
from app.db.tenancy import acting_for
from app.errors import Forbidden, NotFound, QuotaExceeded
from app.settings import Settings
from app.uploads import router, service


def create(database: Database, settings: Settings, upload_id: str, length: int) -> str:
    with database.transaction() as session:
        return service.create_upload(
            session, settings, upload_id=upload_id, length=length, metadata_header=""
        ).storage_key


def test_a_tenant_finds_its_own_uploads_alone(
    either_database: Database, settings: Settings
) -> None:
    with acting_for("alpha"):
        key = create(either_database, settings, "upl_1", 0)
    assert key == "tenants/alpha/uploads/upl_1"
    with acting_for("beta"), either_database.transaction() as session:
        for action in (
            lambda: service.get_upload(session, "upl_1"),
            lambda: service.take_upload(session, "upl_1", used_by="ds_1"),
            lambda: service.delete_upload(session, "upl_1"),
        ):
            with pytest.raises(NotFound):
                action()
    with acting_for("alpha"), either_database.transaction() as session:
        assert service.take_upload(session, "upl_1", used_by="ds_1").used_by == "ds_1"


def test_unused_uploads_count_for_the_quota_as_announced(
    database: Database, settings: Settings
) -> None:
    limited = settings.model_copy(update={"tenant_max_bytes": 100})
    create(database, limited, "upl_1", 60)
    with pytest.raises(QuotaExceeded, match="60 of 100 bytes"):
        create(database, limited, "upl_2", 41)
    with database.transaction() as session:
        service.delete_upload(session, "upl_1")
    create(database, limited, "upl_2", 41)


@pytest.mark.parametrize(
    ("scope", "may"), [("datasets:write", True), ("predict", True), ("datasets:read", False)]
)
def test_an_upload_needs_a_scope_that_can_use_it(scope: Scope, may: bool) -> None:
    principal = Principal("default", "key_1", "camera", "key", frozenset({scope}))
    with acting_as(principal, Origin()):
        if may:
            router.require_sender()
        else:
            with pytest.raises(Forbidden, match="datasets:write"):
                router.require_sender()

"""Database queries of models, versions, aliases and the chosen model."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, delete, func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.db.base import Base
from app.db.search import matches
from app.db.serving_tables import Serving
from app.db.tables import Model, ModelAlias, ModelVersion
from app.db.tenancy import owning_tenant


class ModelRepository:
    """Read and write models, their versions and aliases, and the chosen model in one session."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def find(self, name: str) -> Model | None:
        return self.session.get(Model, (owning_tenant(), name))

    def lock(self, name: str) -> Model | None:
        """Lock the model's row until the transaction ends; every change of a model does this."""
        return self.session.scalar(select(Model).where(Model.name == name).with_for_update())

    def list_models(
        self, *, limit: int, after: str | None, text: str | None = None
    ) -> Sequence[Model]:
        """Return models by name, at most `limit`; text is searched for in the names."""
        query = select(Model).order_by(Model.name).limit(limit)
        if after is not None:
            query = query.where(Model.name > after)
        if text:
            query = query.where(matches(text, Model.name))
        return self.session.scalars(query).all()

    def next_version(self, name: str) -> int:
        """Return a version number that is never used again."""
        self._insert_if_absent(Model, {"name": name, "last_version": 0, "labels": {}})
        taken = self.session.execute(
            update(Model)
            .where(Model.name == name)
            .values(last_version=Model.last_version + 1)
            .returning(Model.last_version)
        )
        return int(taken.scalar_one())

    def find_version(self, name: str, version: int) -> ModelVersion | None:
        return self.session.get(ModelVersion, (owning_tenant(), name, version))

    def find_latest_version(self, name: str) -> ModelVersion | None:
        """Return the version with the highest number, of any kind."""
        return self.newest_versions([name]).get(name)

    def find_newest_version(self, name: str) -> ModelVersion | None:
        """Return the newest version that is not int8, since int8 versions must pass a gate."""
        return self.session.scalar(
            select(ModelVersion)
            .where(ModelVersion.name == name, ModelVersion.quantized_key.is_(None))
            .order_by(ModelVersion.version.desc())
            .limit(1)
        )

    def find_checkpoint_digest(self, checkpoint_key: str) -> str | None:
        """Return the registered sha256 of a checkpoint's file; None if no version has it any more.

        The digest of an int8 version is that of its graph.
        """
        return self.session.scalar(
            select(ModelVersion.digest)
            .where(
                ModelVersion.checkpoint_key == checkpoint_key, ModelVersion.quantized_key.is_(None)
            )
            .limit(1)
        )

    def list_versions(self, name: str) -> Sequence[ModelVersion]:
        """Return a model's versions, newest first."""
        return self.session.scalars(
            select(ModelVersion)
            .where(ModelVersion.name == name)
            .order_by(ModelVersion.version.desc())
        ).all()

    def newest_versions(self, names: Sequence[str]) -> dict[str, ModelVersion]:
        """Return the newest version of each model that has any."""
        newest = (
            select(ModelVersion.name, func.max(ModelVersion.version).label("version"))
            .where(ModelVersion.name.in_(names))
            .group_by(ModelVersion.name)
            .subquery()
        )
        rows = self.session.scalars(
            select(ModelVersion).join(
                newest,
                and_(ModelVersion.name == newest.c.name, ModelVersion.version == newest.c.version),
            )
        )
        return {row.name: row for row in rows}

    def find_alias(self, name: str, alias: str) -> ModelAlias | None:
        return self.session.get(ModelAlias, (owning_tenant(), name, alias))

    def list_aliases(self, names: Sequence[str]) -> Sequence[ModelAlias]:
        return self.session.scalars(
            select(ModelAlias)
            .where(ModelAlias.name.in_(names))
            .order_by(ModelAlias.name, ModelAlias.alias)
        ).all()

    def delete_version(self, version: ModelVersion) -> None:
        self.session.execute(
            delete(ModelVersion).where(
                ModelVersion.name == version.name, ModelVersion.version == version.version
            )
        )

    def find_chosen(self) -> Serving | None:
        return self.session.get(Serving, owning_tenant())

    def find_gate(self, name: str) -> dict[str, Any] | None:
        """Return a model's current gate, without a lock on the model."""
        return self.session.scalar(select(Model.gate).where(Model.name == name))

    def choose_first(self, reference: str) -> bool:
        """Choose a model if none is chosen; returns True if it did."""
        return self._insert_if_absent(Serving, {"model": reference, "shadow_fraction": 0.0})

    def lock_serving(self) -> Serving:
        """Lock and return the row of the chosen model until the transaction ends."""
        return self.session.get_one(Serving, owning_tenant(), with_for_update=True)

    def _insert_if_absent(self, table: type[Base], values: dict[str, object]) -> bool:
        # Not a SELECT before the INSERT, which would not see a concurrent transaction.
        insert = (
            postgresql.insert(table)
            if self.session.get_bind().dialect.name == "postgresql"
            else sqlite.insert(table)
        )
        inserted = self.session.execute(
            insert.values(values).on_conflict_do_nothing().returning(literal(True))
        )
        return inserted.first() is not None

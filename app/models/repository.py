"""The queries behind models, versions, aliases and the chosen model."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.db.base import Base
from app.db.tables import Model, ModelAlias, ModelVersion, Serving

_SERVING_ID = 1


class ModelRepository:
    """Models with their versions and aliases, and which of them is chosen."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def find(self, name: str) -> Model | None:
        return self.session.get(Model, name)

    def lock(self, name: str) -> Model | None:
        """The model's row, held until the transaction ends: whoever changes a model takes it."""
        return self.session.scalar(select(Model).where(Model.name == name).with_for_update())

    def list_models(self, *, limit: int, after: str | None) -> Sequence[Model]:
        query = select(Model).order_by(Model.name).limit(limit)
        if after is not None:
            query = query.where(Model.name > after)
        return self.session.scalars(query).all()

    def next_version(self, name: str) -> int:
        """Take a version number that no other transaction has had or will have."""
        self._insert_if_absent(Model, {"name": name, "last_version": 0, "labels": {}})
        taken = self.session.execute(
            update(Model)
            .where(Model.name == name)
            .values(last_version=Model.last_version + 1)
            .returning(Model.last_version)
        )
        return int(taken.scalar_one())

    def find_version(self, name: str, version: int) -> ModelVersion | None:
        return self.session.get(ModelVersion, (name, version))

    def find_newest_version(self, name: str) -> ModelVersion | None:
        """What a bare name means without a champion: none in int8, which must pass a gate."""
        return self.session.scalar(
            select(ModelVersion)
            .where(ModelVersion.name == name, ModelVersion.quantized_key.is_(None))
            .order_by(ModelVersion.version.desc())
            .limit(1)
        )

    def list_versions(self, name: str) -> Sequence[ModelVersion]:
        """Newest first."""
        return self.session.scalars(
            select(ModelVersion)
            .where(ModelVersion.name == name)
            .order_by(ModelVersion.version.desc())
        ).all()

    def newest_version_numbers(self, names: Sequence[str]) -> dict[str, int]:
        """The newest version of each model that has any."""
        rows = self.session.execute(
            select(ModelVersion.name, func.max(ModelVersion.version).label("version"))
            .where(ModelVersion.name.in_(names))
            .group_by(ModelVersion.name)
        )
        return {row.name: row.version for row in rows}

    def find_alias(self, name: str, alias: str) -> ModelAlias | None:
        return self.session.get(ModelAlias, (name, alias))

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
        return self.session.get(Serving, _SERVING_ID)

    def find_gate(self, name: str) -> dict[str, Any] | None:
        """A model's gate as it is now, without taking the model's row."""
        return self.session.scalar(select(Model.gate).where(Model.name == name))

    def choose_if_nothing_is(self, reference: str) -> bool:
        """Whether nothing was chosen before."""
        return self._insert_if_absent(
            Serving, {"id": _SERVING_ID, "model": reference, "shadow_fraction": 0.0}
        )

    def lock_serving(self) -> Serving:
        """The row of what is chosen, held until the transaction ends."""
        return self.session.get_one(Serving, _SERVING_ID, with_for_update=True)

    def _insert_if_absent(self, table: type[Base], values: dict[str, object]) -> bool:
        # Two transactions may both come first: a SELECT before the INSERT would not see the other.
        insert = (
            postgresql.insert(table)
            if self.session.get_bind().dialect.name == "postgresql"
            else sqlite.insert(table)
        )
        inserted = self.session.execute(
            insert.values(values).on_conflict_do_nothing().returning(literal(True))
        )
        return inserted.first() is not None

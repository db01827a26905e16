"""Give every row of users a tenant, and every tenant names of its own; add the table of tenants.

Existing rows belong to the tenant `default`. Large tables get a column with a constant default,
which rewrites no row. Only the tables whose keys change are copied on SQLite; they have few rows.
"""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEYS = {
    "model": ("name",),
    "model_version": ("name", "version"),
    "model_alias": ("name", "alias"),
    "shadow_tally": ("name", "version", "shadow_name", "shadow_version"),
    "idempotent_answer": ("route", "key"),
}
"""Tables whose key starts with the tenant now, and the rest of their key."""

REFERENCES = {
    "model_version": ("model", ("name",), "CASCADE"),
    "model_alias": ("model_version", ("name", "version"), None),
}
"""The table to which a table refers, by which columns, and what a deletion does."""

OWNED = (
    "dataset",
    "dataset_image",
    "work_item",
    "job",
    "job_label",
    "epoch",
    "job_report",
    "job_event",
    "study",
    "study_trial",
    "registry_event",
    "prediction_batch",
)
"""Tables that only get the column."""

INDEXES: dict[str, tuple[str, tuple[str, ...] | None, tuple[str, ...]]] = {
    "ix_dataset_status": ("dataset", ("status", "id"), ("tenant", "status", "id")),
    "ix_dataset_name": ("dataset", ("name", "id"), ("tenant", "name", "id")),
    "ix_dataset_tenant": ("dataset", None, ("tenant", "id")),
    "ix_job_tenant": ("job", None, ("tenant", "id")),
    "ix_job_tenant_status": ("job", None, ("tenant", "status", "id")),
    "ix_job_finished_at": (
        "job",
        ("status", "finished_at", "study_id"),
        ("tenant", "status", "finished_at", "study_id"),
    ),
    "ix_job_model_name": ("job", ("model_name", "id"), ("tenant", "model_name", "id")),
    "ix_job_dataset_id": ("job", ("dataset_id", "id"), ("tenant", "dataset_id", "id")),
    "ix_job_study_id": ("job", ("study_id", "id"), ("tenant", "study_id", "id")),
    "ix_job_label_value": (
        "job_label",
        ("key", "value", "job_id"),
        ("tenant", "key", "value", "job_id"),
    ),
    "ix_study_name": ("study", ("name", "id"), ("tenant", "name", "id")),
    "ix_study_tenant": ("study", None, ("tenant", "id")),
    "ix_registry_event_name": ("registry_event", ("name", "id"), ("tenant", "name", "id")),
    "ix_registry_event_type": ("registry_event", ("type", "id"), ("tenant", "type", "id")),
    "ix_registry_event_tenant": ("registry_event", None, ("tenant", "id")),
    "ix_prediction_batch_dataset_id": (
        "prediction_batch",
        ("dataset_id", "id"),
        ("tenant", "dataset_id", "id"),
    ),
    "ix_prediction_batch_status": (
        "prediction_batch",
        ("status", "id"),
        ("tenant", "status", "id"),
    ),
    "ix_prediction_batch_tenant": ("prediction_batch", None, ("tenant", "id")),
}
"""The table of each index, and its columns before and after this revision."""

POLICY = "tenant_rows"
_MAY_SEE = (
    "tenant = (SELECT current_setting('graft.tenant', true)) "
    "OR (SELECT current_setting('graft.tenant', true)) = '*'"
)


def upgrade() -> None:
    op.create_table(
        "tenant",
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("max_bytes", sa.BigInteger(), nullable=True),
        sa.Column("max_unfinished_jobs", sa.Integer(), nullable=True),
        sa.Column("max_running_jobs", sa.Integer(), nullable=True),
        sa.Column("requests_per_second", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tenant")),
    )
    for table in OWNED:
        op.add_column(table, _tenant_column())
    if _is_sqlite():
        _copy_tables(has_tenant=True)
    else:
        _alter_keys()
        for table in _tables_of_tenants():
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY {POLICY} ON {table} USING ({_MAY_SEE})")
    for name, (table, before, after) in INDEXES.items():
        if before is not None:
            op.drop_index(name, table_name=table)
        op.create_index(name, table, list(after))


def downgrade() -> None:
    _refuse_other_tenants()
    for name, (table, before, _after) in INDEXES.items():
        op.drop_index(name, table_name=table)
        if before is not None:
            op.create_index(name, table, list(before))
    if _is_sqlite():
        _copy_tables(has_tenant=False)
    else:
        for table in _tables_of_tenants():
            op.execute(f"DROP POLICY {POLICY} ON {table}")
            op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        _restore_keys()
    for table in OWNED:
        op.drop_column(table, "tenant")
    op.drop_table("tenant")


def _tenant_column() -> sa.Column[str]:
    return sa.Column("tenant", sa.String(63), server_default="default", nullable=False)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _tables_of_tenants() -> Iterator[str]:
    yield from OWNED
    yield from KEYS
    yield from ("inquiry", "serving")


def _refuse_other_tenants() -> None:
    """Without tenants' own names the rows of several tenants would collide or become common."""
    for table in _tables_of_tenants():
        query = sa.text(f"SELECT 1 FROM {table} WHERE tenant <> 'default' LIMIT 1")  # noqa: S608
        if op.get_bind().execute(query).first():
            raise RuntimeError(
                f"The table {table} has rows of tenants other than `default`. Delete their data "
                "before you go back to a version without tenants."
            )


def _alter_keys() -> None:
    """Change the keys on PostgreSQL."""
    for table, (other, columns, _on_delete) in REFERENCES.items():
        op.drop_constraint(f"fk_{table}_{columns[0]}_{other}", table, type_="foreignkey")
    for table, key in KEYS.items():
        op.add_column(table, _tenant_column())
        op.drop_constraint(f"pk_{table}", table, type_="primary")
        op.create_primary_key(f"pk_{table}", table, ["tenant", *key])
    for table, (other, columns, on_delete) in REFERENCES.items():
        both = ["tenant", *columns]
        op.create_foreign_key(
            f"fk_{table}_tenant_{other}", table, other, both, both, ondelete=on_delete
        )
    op.add_column("serving", _tenant_column())
    op.drop_column("serving", "id")
    op.create_primary_key("pk_serving", "serving", ["tenant"])
    op.add_column("inquiry", _tenant_column())
    op.drop_constraint("uq_inquiry_fingerprint", "inquiry", type_="unique")
    op.create_unique_constraint("uq_inquiry_tenant", "inquiry", ["tenant", "fingerprint"])


def _restore_keys() -> None:
    """Change the keys on PostgreSQL back."""
    op.drop_column("inquiry", "tenant")
    op.create_unique_constraint("uq_inquiry_fingerprint", "inquiry", ["fingerprint"])
    op.add_column("serving", sa.Column("id", sa.Integer(), server_default="1", nullable=False))
    op.alter_column("serving", "id", server_default=None)
    op.drop_column("serving", "tenant")
    op.create_primary_key("pk_serving", "serving", ["id"])
    for table, (other, _columns, _on_delete) in REFERENCES.items():
        op.drop_constraint(f"fk_{table}_tenant_{other}", table, type_="foreignkey")
    for table, key in KEYS.items():
        op.drop_column(table, "tenant")
        op.create_primary_key(f"pk_{table}", table, list(key))
    for table, (other, columns, on_delete) in REFERENCES.items():
        name = f"fk_{table}_{columns[0]}_{other}"
        op.create_foreign_key(name, table, other, list(columns), list(columns), ondelete=on_delete)


def _copy_tables(*, has_tenant: bool) -> None:
    """Copy the tables whose keys change on SQLite, which cannot alter them.

    All copies are made before the first table is dropped, children first: SQLite deletes the rows
    that refer to those of a dropped table.
    """
    old = sa.MetaData()
    old.reflect(op.get_bind(), only=[*KEYS, "serving", "inquiry"])
    new = sa.MetaData()
    indexes = {name: list(old.tables[name].indexes) for name in old.tables}
    for name in (*KEYS, "serving", "inquiry"):
        copy = _define_copy(old.tables[name], new, has_tenant=has_tenant)
        copy.create(op.get_bind())
        common = [one.name for one in copy.columns if one.name in old.tables[name].columns]
        rows = sa.select(*(old.tables[name].columns[one] for one in common))
        op.execute(copy.insert().from_select(common, rows, include_defaults=False))
    for name in reversed((*KEYS, "serving", "inquiry")):
        op.drop_table(name)
    for name in (*KEYS, "serving", "inquiry"):
        op.rename_table(f"new_{name}", name)
        for index in indexes[name]:
            op.create_index(str(index.name), name, [one.name for one in index.columns])


def _define_copy(table: sa.Table, metadata: sa.MetaData, *, has_tenant: bool) -> sa.Table:
    name = table.name
    columns = [one for one in table.columns if one.name not in {"tenant", *_serving_id(name)}]
    first = (
        [_tenant_column()]
        if has_tenant
        else [sa.Column("id", sa.Integer(), server_default="1", nullable=False)]
        if name == "serving"
        else []
    )
    key = KEYS.get(name, ("id",) if name == "inquiry" or not has_tenant else ())
    parts: list[sa.Constraint] = [
        sa.PrimaryKeyConstraint(
            *(["tenant"] if has_tenant and name != "inquiry" else []), *key, name=f"pk_{name}"
        )
    ]
    if name in REFERENCES:
        other, refers, on_delete = REFERENCES[name]
        both = ["tenant", *refers] if has_tenant else list(refers)
        parts.append(
            sa.ForeignKeyConstraint(
                both,
                [f"new_{other}.{one}" for one in both],
                ondelete=on_delete,
                name=f"fk_{name}_{both[0]}_{other}",
            )
        )
    if name == "inquiry":
        unique = ["tenant", "fingerprint"] if has_tenant else ["fingerprint"]
        parts.append(sa.UniqueConstraint(*unique, name=f"uq_inquiry_{unique[0]}"))
    copies = [
        sa.Column(one.name, one.type, nullable=one.nullable, server_default=one.server_default)
        for one in columns
    ]
    return sa.Table(f"new_{name}", metadata, *first, *copies, *parts)


def _serving_id(name: str) -> set[str]:
    return {"id"} if name == "serving" else set()

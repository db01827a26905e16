"""Add members and their sessions, and row-level security of the tables of access control."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0012"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_OWNED = ("member", "sign_in_session", "api_key", "audit_event")
_POLICY = "tenant_rows"
_MAY_SEE = (
    "tenant = (SELECT current_setting('graft.tenant', true)) "
    "OR (SELECT current_setting('graft.tenant', true)) = '*'"
)


def upgrade() -> None:
    op.create_table(
        "member",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("has_provider_role", sa.Boolean(), nullable=False),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant", sa.String(length=63), server_default="default", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
        sa.UniqueConstraint("tenant", "subject", name=op.f("uq_member_tenant")),
    )
    op.create_table(
        "sign_in_session",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("member_id", sa.String(length=40), nullable=True),
        sa.Column("key_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant", sa.String(length=63), server_default="default", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_session")),
    )
    op.create_index("ix_sign_in_session_expires_at", "sign_in_session", ["expires_at"])
    op.create_index("ix_sign_in_session_member_id", "sign_in_session", ["member_id"])
    if op.get_bind().dialect.name == "postgresql":
        for table in _OWNED:
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY {_POLICY} ON {table} USING ({_MAY_SEE})")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in ("api_key", "audit_event"):
            op.execute(f"DROP POLICY {_POLICY} ON {table}")
            op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.drop_table("sign_in_session")
    op.drop_table("member")

"""Add API keys and the audit log."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.db.base import Json

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=63), server_default="default", nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
    )
    op.create_index("ix_api_key_tenant", "api_key", ["tenant", "id"])
    op.create_table(
        "audit_event",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("tenant", sa.String(length=63), server_default="default", nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("principal_id", sa.String(length=200), nullable=False),
        sa.Column("principal_name", sa.String(length=200), nullable=False),
        sa.Column("principal_kind", sa.String(length=16), nullable=False),
        sa.Column("details", Json, nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index("ix_audit_event_tenant", "audit_event", ["tenant", "id"])
    op.create_index("ix_audit_event_action", "audit_event", ["tenant", "action", "id"])
    op.create_index("ix_audit_event_subject", "audit_event", ["tenant", "subject", "id"])
    op.create_index("ix_audit_event_principal_id", "audit_event", ["tenant", "principal_id", "id"])


def downgrade() -> None:
    op.drop_table("audit_event")
    op.drop_table("api_key")

"""Add resumable uploads."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_MAY_SEE = (
    "tenant = (SELECT current_setting('graft.tenant', true)) "
    "OR (SELECT current_setting('graft.tenant', true)) = '*'"
)


def upgrade() -> None:
    op.create_table(
        "upload",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("metadata_header", sa.Text(), nullable=False),
        sa.Column("storage_key", sa.String(200), nullable=False),
        sa.Column("used_by", sa.String(40), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant", sa.String(63), server_default="default", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_upload"),
    )
    op.create_index("ix_upload_expires_at", "upload", ["expires_at"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE upload ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE upload FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant_rows ON upload USING ({_MAY_SEE})")


def downgrade() -> None:
    op.drop_table("upload")

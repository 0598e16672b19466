"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("alerts",
        sa.Column("tenant", sa.String(length=128), nullable=False),
        sa.Column("alert", sa.String(length=256), nullable=False),
        sa.Column("call", sa.String(length=128), nullable=False),
        sa.Column("agent", sa.String(length=128), nullable=True),
        sa.Column("team", sa.String(length=128), nullable=True),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("audience", sa.String(length=16), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("acknowledged_by", sa.String(length=128), nullable=True),
        sa.Column("acknowledged_at", sa.Float(), nullable=True),
        sa.Column("rung_after_60s", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "alert")
    )
    op.create_index("alerts_by_agent", "alerts", ["tenant", "agent", "event"], unique=False)
    op.create_index("alerts_by_call", "alerts", ["tenant", "call", "at"], unique=False)
    op.create_index("alerts_by_event", "alerts", ["tenant", "event"], unique=False)
    op.create_table("audit",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("tenant", sa.String(length=128), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("who", sa.String(length=128), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("id")
    )
    op.create_index("audit_by_time", "audit", ["tenant", "time"], unique=False)
    op.create_table("calls",
        sa.Column("tenant", sa.String(length=128), nullable=False),
        sa.Column("call", sa.String(length=128), nullable=False),
        sa.Column("agent", sa.String(length=128), nullable=True),
        sa.Column("team", sa.String(length=128), nullable=True),
        sa.Column("caller", sa.String(length=128), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("door", sa.String(length=32), nullable=False),
        sa.Column("consent", sa.Boolean(), nullable=False),
        sa.Column("started", sa.Float(), nullable=False),
        sa.Column("ended", sa.Float(), nullable=True),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=True),
        sa.Column("record", sa.JSON(), nullable=True),
        sa.Column("metadata", sa.JSON(), nullable=False),
        sa.Column("taken_by", sa.String(length=128), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "call")
    )
    op.create_index("calls_by_agent", "calls", ["tenant", "agent", "started"], unique=False)
    op.create_index("calls_by_caller", "calls", ["tenant", "caller"], unique=False)
    op.create_index("calls_by_end", "calls", ["ended"], unique=False)
    op.create_index("calls_by_time", "calls", ["tenant", "started"], unique=False)
    op.create_table("changes",
        sa.Column("tenant", sa.String(length=128), nullable=False),
        sa.Column("call", sa.String(length=128), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("before", sa.Integer(), nullable=False),
        sa.Column("after", sa.Integer(), nullable=False),
        sa.Column("change", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "call", "at")
    )
    op.create_table("dead_letters",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=128), nullable=False),
        sa.Column("webhook", sa.String(length=32), nullable=False),
        sa.Column("event", sa.JSON(), nullable=False),
        sa.Column("fault", sa.String(length=256), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id")
    )
    op.create_table("documents",
        sa.Column("tenant", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("changed", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name")
    )
    op.create_table("feedback",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("tenant", sa.String(length=128), nullable=False),
        sa.Column("alert", sa.String(length=256), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id")
    )
    op.create_index("feedback_by_alert", "feedback", ["tenant", "alert"], unique=False)
    op.create_table("keys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=128), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=128), nullable=True),
        sa.Column("team", sa.String(length=128), nullable=True),
        sa.Column("expires", sa.Float(), nullable=True),
        sa.Column("created", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest")
    )
    op.create_table("readings",
        sa.Column("tenant", sa.String(length=128), nullable=False),
        sa.Column("call", sa.String(length=128), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("trace", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "call", "at")
    )
    op.create_table("recordings",
        sa.Column("tenant", sa.String(length=128), nullable=False),
        sa.Column("recording", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("call", sa.String(length=128), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("agent", sa.String(length=128), nullable=True),
        sa.Column("team", sa.String(length=128), nullable=True),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "recording")
    )
    op.create_table("webhooks",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=128), nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("types", sa.JSON(), nullable=False),
        sa.Column("team", sa.String(length=128), nullable=True),
        sa.Column("agent", sa.String(length=128), nullable=True),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id")
    )


def downgrade() -> None:
    op.drop_table("webhooks")
    op.drop_table("recordings")
    op.drop_table("readings")
    op.drop_table("keys")
    op.drop_index("feedback_by_alert", table_name="feedback")
    op.drop_table("feedback")
    op.drop_table("documents")
    op.drop_table("dead_letters")
    op.drop_table("changes")
    op.drop_index("calls_by_time", table_name="calls")
    op.drop_index("calls_by_end", table_name="calls")
    op.drop_index("calls_by_caller", table_name="calls")
    op.drop_index("calls_by_agent", table_name="calls")
    op.drop_table("calls")
    op.drop_index("audit_by_time", table_name="audit")
    op.drop_table("audit")
    op.drop_index("alerts_by_event", table_name="alerts")
    op.drop_index("alerts_by_call", table_name="alerts")
    op.drop_index("alerts_by_agent", table_name="alerts")
    op.drop_table("alerts")

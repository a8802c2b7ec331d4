"""The database itself refuses to change the audit chain, but for taking out a body that a tombstone names."""

from __future__ import annotations

from alembic import op

from autoheal.domain.decision_trace import DELETED, REDACTED
from autoheal.integrations.database.schema import audit

revision = "0007"
down_revision = "0006"

_KEPT = " AND ".join(f"NEW.{c.name} = OLD.{c.name}" for c in audit.columns if c.name != "body")
_ALLOWED = f"NEW.body = '{REDACTED}' AND OLD.kind <> '{DELETED}' AND {_KEPT}"
_SAYS = "the audit chain only grows"


def upgrade() -> None:
    """Guard it."""
    if op.get_bind().dialect.name == "sqlite":
        refuse = f"BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END"
        op.execute(f"CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE DELETE ON audit {refuse}")
        op.execute(
            f"CREATE TRIGGER IF NOT EXISTS audit_as_is BEFORE UPDATE ON audit WHEN NOT ({_ALLOWED}) {refuse}"
        )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_SAYS}'; END $$"
    )
    run = "EXECUTE FUNCTION audit_refuse()"
    op.execute(f"CREATE OR REPLACE TRIGGER audit_stays BEFORE DELETE ON audit FOR EACH ROW {run}")
    changed = f"FOR EACH ROW WHEN (NOT ({_ALLOWED}))"
    op.execute(f"CREATE OR REPLACE TRIGGER audit_as_is BEFORE UPDATE ON audit {changed} {run}")
    op.execute(f"CREATE OR REPLACE TRIGGER audit_whole BEFORE TRUNCATE ON audit FOR EACH STATEMENT {run}")


def downgrade() -> None:
    """Unguard it."""
    if op.get_bind().dialect.name == "sqlite":
        for name in ("audit_stays", "audit_as_is"):
            op.execute(f"DROP TRIGGER {name}")
        return
    op.execute("DROP FUNCTION audit_refuse() CASCADE")

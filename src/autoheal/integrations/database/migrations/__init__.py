"""The versions of the tables, applied in order by Alembic."""

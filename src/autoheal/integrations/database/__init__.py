"""One database by one URL: SQLite by default, PostgreSQL when one machine is outgrown."""

"""Durable runs on DBOS Transact, on SQLite or PostgreSQL."""

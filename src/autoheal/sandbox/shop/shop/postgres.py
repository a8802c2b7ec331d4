"""Connections to PostgreSQL."""

import psycopg


def connect(url, timeout):
    """One connection whose statements end after a while."""
    options = f"-c statement_timeout={int(timeout * 1000)}"
    return psycopg.connect(url, autocommit=True, options=options, connect_timeout=3)

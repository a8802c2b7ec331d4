"""Loki and what speaks its query API."""

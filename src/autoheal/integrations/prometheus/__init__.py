"""Prometheus and what speaks its query API."""

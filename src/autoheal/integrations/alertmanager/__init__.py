"""Prometheus Alertmanager: its webhook, version 4."""

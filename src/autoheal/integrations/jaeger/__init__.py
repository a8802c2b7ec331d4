"""Jaeger, through the API of its UI."""

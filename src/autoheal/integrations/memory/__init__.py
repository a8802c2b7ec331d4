"""Every port in memory: for tests, and the example to copy."""

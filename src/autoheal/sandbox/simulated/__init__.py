"""A production that exists only as telemetry: a day of it passes in a second, for measuring the loops."""

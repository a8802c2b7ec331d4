"""Slack: its Web API for what we say, signed HTTP for what people say and press."""

"""Runs an outside program that writes code, such as `claude -p` or `codex exec`, in a closed room."""

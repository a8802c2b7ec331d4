"""The policy file on disk: a change counts at once, a broken file leaves the last good policy in force."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from autoheal.domain.errors import ConfigError
from autoheal.policy.file import parse
from autoheal.policy.policy import Policy

_log = logging.getLogger(__name__)


class PolicyFile:
    """Callable that gives the policy in force; raises ConfigError only when there never was a good one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._text: str | None = None
        self._policy = Policy() if path is None else self._read(path)

    def __call__(self) -> Policy:
        """The policy in force now."""
        if self._path is None:
            return self._policy
        with self._lock:
            try:
                self._policy = self._read(self._path)
            except ConfigError as error:
                _log.error("policy stays as it was: %s", error)
            return self._policy

    def _read(self, path: Path) -> Policy:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: the policy cannot be read: {error}") from None
        if text == self._text:
            return self._policy
        policy = parse(text, where=str(path))
        self._text = text
        return policy

"""The reviewed skills of the context repository, as they stand on its main branch."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from autoheal.domain.errors import ConfigError
from autoheal.domain.skill import Guide, Skill
from autoheal.graph.skill_file import CONTRACT, PROSE, parse_any
from autoheal.integrations.git.forge import GitForge

FOLDER = "skills"
_OLDER_VERSIONS = 50


class GitSkillLibrary:
    """Reads `skills/*/` at main, once per commit; an invalid folder keeps its last valid version live."""

    def __init__(self, forge: GitForge, repository: str = "context") -> None:
        self._forge = forge
        self._repository = repository
        self._lock = Lock()
        self._commit = ""
        self._live: dict[str, Skill | Guide] = {}
        self._problems: dict[str, str] = {}

    def skills(self) -> Sequence[Skill]:
        """Every valid skill; an invalid folder keeps its previous version live."""
        with self._lock:
            self._refresh()
            return [found for found in self._live.values() if isinstance(found, Skill)]

    def guides(self) -> Sequence[Guide]:
        """Agent Skills without a contract: for people and agents, not for the engine."""
        with self._lock:
            self._refresh()
            return [found for found in self._live.values() if isinstance(found, Guide)]

    def problems(self) -> Sequence[str]:
        """What is wrong with the folders that could not be read, each with file and line."""
        with self._lock:
            self._refresh()
            return list(self._problems.values())

    def _refresh(self) -> None:
        commit = self._forge.head(self._repository)
        if commit == self._commit:
            return
        folders = sorted({p.split("/")[1] for p in self._files(commit) if p.count("/") > 1})
        problems: dict[str, str] = {}
        live = {name: found for name in folders if (found := self._one(name, commit, problems))}
        self._commit, self._live, self._problems = commit, live, problems

    def _files(self, commit: str) -> Sequence[str]:
        return self._forge.files(self._repository, FOLDER, at=commit)

    def _one(self, name: str, commit: str, problems: dict[str, str]) -> Skill | Guide | None:
        try:
            return self._read(name, commit)
        except ConfigError as error:
            problems[name] = str(error)
        return self._live.get(name) or self._last_valid(name, commit)

    def _last_valid(self, name: str, commit: str) -> Skill | Guide | None:
        """After a restart the previous version is found in the history."""
        older = self._forge.history(self._repository, f"{FOLDER}/{name}", at=commit)
        for earlier in older[1:_OLDER_VERSIONS]:
            try:
                return self._read(name, earlier)
            except ConfigError:
                continue
        return None

    def _read(self, name: str, commit: str) -> Skill | Guide:
        texts = {
            f: self._forge.read(self._repository, f"{FOLDER}/{name}/{f}", at=commit)
            for f in (PROSE, CONTRACT)
        }
        return parse_any(name, {file: text for file, text in texts.items() if text is not None})

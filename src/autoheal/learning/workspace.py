"""A scratch copy of the code repository for a model: it lists, reads, searches, writes and runs tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from autoheal.domain.errors import AutohealError
from autoheal.learning.lessons import Lessons
from autoheal.learning.patch_rules import MAX_FILES, file_refusal
from autoheal.learning.trial import run_tests
from autoheal.policy.untrusted import quoted
from autoheal.ports.reasoning import Tool
from autoheal.ports.runs import Json

_SHOWN = 20_000
"""Characters that one tool answers at most."""
_LINES = 400
_HITS = 60
_SEARCHED = 2_000
_LISTED = 500


@dataclass(slots=True, kw_only=True)
class Workspace:
    """One commit with what was written over it; nothing of it reaches the repository."""

    lessons: Lessons
    commit: str
    boundary: str
    written: dict[str, str] = field(default_factory=dict)

    def before(self, path: str) -> str | None:
        """A file as it is on the commit; None where there is none, or none that may be named."""
        try:
            return self.lessons.forge.read(self.lessons.settings.code_repository, path, at=self.commit)
        except AutohealError:
            return None

    def read(self, path: str) -> str | None:
        """A file with what was written over it."""
        return self.written.get(path, self.before(path))

    def tools(self) -> tuple[Tool, ...]:
        """What a model may do here."""
        return (
            _tool("list_files", "Paths below a folder of the repository.", self._list, folder=_TEXT),
            _tool("read_file", "Lines of a file, from a first one (1).", self._show, path=_TEXT, first=_LINE),
            _tool("search", "Lines of the repository that contain a text.", self._search, text=_TEXT),
            _tool("write_file", "Write a whole file.", self._write, path=_TEXT, text=_TEXT),
            _tool(
                "replace_text", "Replace a text that stands in a file once.", self._replace,
                path=_TEXT, old=_TEXT, new=_TEXT,
            ),
            _tool("run_tests", "Run the repository's tests below a path.", self._run, path=_TEXT),
        )  # fmt: skip

    def _paths(self) -> list[str]:
        listed = self.lessons.forge.files(self.lessons.settings.code_repository, at=self.commit)
        return sorted({*listed, *self.written})

    def _list(self, given: Mapping[str, str]) -> str:
        folder = given["folder"].strip("./")
        found = [path for path in self._paths() if not folder or path.startswith(f"{folder}/")]
        return self._quoted("\n".join(found[:_LISTED]), f"{len(found)} paths")

    def _show(self, given: Mapping[str, str]) -> str:
        text = self.read(given["path"])
        if text is None:
            return "There is no such file."
        first = max(int(given["first"]), 1)
        lines = text.splitlines()[first - 1 : first - 1 + _LINES]
        return self._quoted("\n".join(lines), f"{given['path']} from line {first}")

    def _search(self, given: Mapping[str, str]) -> str:
        wanted = given["text"]
        found = list(self._hits(wanted)) if wanted.strip() else []
        return self._quoted("\n".join(found), f"a search for {wanted[:80]}")

    def _hits(self, wanted: str) -> Iterator[str]:
        left = _HITS
        for path in self._paths()[:_SEARCHED]:
            for number, line in enumerate((self.read(path) or "").splitlines(), 1):
                if wanted in line:
                    yield f"{path}:{number}: {line[:300]}"
                    left -= 1
                if not left:
                    return

    def _write(self, given: Mapping[str, str]) -> str:
        path, text = given["path"], given["text"]
        if (refusal := file_refusal(path, text, self.before(path))) is not None:
            return f"Refused: {refusal}."
        if path not in self.written and len(self.written) >= MAX_FILES:
            return f"Refused: more than {MAX_FILES} files."
        self.written[path] = text
        return "Written to the scratch copy."

    def _replace(self, given: Mapping[str, str]) -> str:
        text, old = self.read(given["path"]), given["old"]
        if text is None or not old or text.count(old) != 1:
            return "Refused: the old text does not stand in the file exactly once."
        return self._write({"path": given["path"], "text": text.replace(old, given["new"])})

    def _run(self, given: Mapping[str, str]) -> str:
        path = given["path"].strip("/")
        if path not in self._paths() and not any(p.startswith(f"{path}/") for p in self._paths()):
            return "There is no such path."
        ran = run_tests(self.lessons, self.commit, path, self.written)
        return self._quoted(ran.output[-8_000:], f"tests that ended with code {ran.code}")

    def _quoted(self, text: str, source: str) -> str:
        return quoted(text, source=source, boundary=self.boundary, limit=_SHOWN)


_TEXT: Mapping[str, Json] = {"type": "string", "maxLength": 200_000}
_LINE: Mapping[str, Json] = {"type": "integer", "minimum": 1}


def _tool(
    name: str, description: str, do: Callable[[Mapping[str, str]], str], **parameters: Mapping[str, Json]
) -> Tool:
    def call(given: Mapping[str, Json]) -> str:
        try:
            return do({key: str(given.get(key, "")) for key in parameters})
        except AutohealError as error:
            return f"Refused: {error}."

    properties: dict[str, Json] = {key: dict(schema) for key, schema in parameters.items()}
    required: list[Json] = list(parameters)
    return Tool(
        name=name,
        description=description,
        parameters={
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        },
        call=call,
    )

"""Carries a fault's steps out and takes them back; what lasts is done by a helper process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import psycopg

from autoheal.domain.errors import ConfigError, ConflictError, NotFoundError, UnreachableError
from autoheal.sandbox import fault as words
from autoheal.sandbox import repository
from autoheal.sandbox.layout import DATABASE, Layout, write_atomically
from autoheal.sandbox.supervisor import MARK, Supervisor
from autoheal.sandbox.trouble import READY

_HELPER_SECONDS = 20.0
Record = dict[str, object]
"""What a step leaves for its undoing."""


class Injection:
    """Injects and recovers faults of one rig; what is injected is noted in `injected/<fault>.json`."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._folder = layout.home / "injected"
        self._supervisor = Supervisor(layout.home)

    def inject(self, fault: words.Fault, given: Mapping[str, str]) -> dict[str, str]:
        """Carry out every step; raises ConflictError when the fault is in already."""
        filled = fault.filled(given)
        note = self._folder / f"{filled.id}.json"
        if note.exists():
            raise ConflictError(f"{filled.id} is injected already; `autoheal sandbox recover` takes it back")
        records: list[Record] = []
        try:
            for step in filled.inject:
                name, content = step.action
                records.append({"step": name, **getattr(self, f"_{name}")(content)})
        finally:
            after = [
                step.model_dump(mode="json", by_alias=True, exclude_unset=True) for step in filled.recover
            ]
            write_atomically(note, json.dumps({"records": records, "recover": after}))
        return {"fault": filled.id, "entity": filled.truth.entity or "", "injected_at": f"{time.time():.3f}"}

    def recover(self, fault_id: str | None) -> list[str]:
        """Take back one fault, or all; raises NotFoundError for one that is not in."""
        notes = sorted(self._folder.glob(f"{fault_id or '*'}.json"))
        if fault_id and not notes:
            raise NotFoundError(f"{fault_id} is not injected")
        for note in notes:
            content = json.loads(note.read_text())
            for record in reversed(content["records"]):
                self._undo(record)
            self._redeploy(content["records"])
            for step in content["recover"]:
                name, given = words.Step.model_validate(step).action
                getattr(self, f"_{name}")(given)
            note.unlink()
        return [note.stem for note in notes]

    def stop_helpers(self) -> None:
        """End every helper process, whatever else happens."""
        for note in self._folder.glob("*.json"):
            for record in json.loads(note.read_text())["records"]:
                _end(record.get("pid"))

    # ------------------------------------------------------------ steps

    def _commit(self, step: words.Commit) -> Record:
        def edit(work: Path) -> None:
            if step.patch is not None:
                repository.patch(work, step.patch)
            for change in step.edits:
                _edit(work, change)

        commit = repository.change(self._layout.repository, edit, author=step.author, message=step.message)
        return {"commit": commit}

    def _deploy(self, step: words.Deploy) -> Record:
        self._platform("POST", "/v1/deploys", {"service": step.service, "author": step.author})
        return {"service": step.service}

    def _config(self, step: words.Config) -> Record:
        before = self._platform("GET", f"/v1/services/{step.service}")["config"]
        body = {"key": step.key, "value": step.value, "author": step.author, "title": step.title}
        self._platform("PUT", f"/v1/config/{step.service}", body)
        old = before.get(step.key) if isinstance(before, dict) else None
        return {"service": step.service, "key": step.key, "value": old}

    def _flag(self, step: words.Flag) -> Record:
        flags = self._platform("GET", "/v1/services/gateway")["flags"]
        body = {"value": step.value, "service": step.service, "author": step.author}
        self._platform("PUT", f"/v1/flags/{step.flag}", body)
        old = flags.get(step.flag) if isinstance(flags, dict) else None
        return {"flag": step.flag, "value": old, "service": step.service}

    def _stop(self, step: words.Stop) -> Record:
        name = step.service if step.service == DATABASE else f"{step.service}-0"
        self._supervisor.stop_program(name)
        return {"program": name}

    def _kill(self, step: words.Kill) -> Record:
        return self._helper("kill", step)

    def _throttle(self, step: words.Throttle) -> Record:
        return self._helper("throttle", step)

    def _burn(self, step: words.Burn) -> Record:
        return self._helper("burn", step)

    def _connections(self, step: words.Connections) -> Record:
        return self._helper("connections", step)

    def _alert(self, step: words.Alert) -> Record:
        return self._helper("alert", step)

    def _sql(self, step: words.Sql) -> Record:
        if step.hold:
            return self._helper("hold", step)
        self._execute(step.statements)
        return {"undo": list(step.undo)}

    def _upstream(self, step: words.Upstream) -> Record:
        path = self._layout.run / "weather.json"
        write_atomically(path, step.model_dump_json())
        return {"file": str(path)}

    def _traffic(self, step: words.Traffic) -> Record:
        path = self._layout.run / "traffic"
        write_atomically(path, str(step.factor))
        return {"file": str(path)}

    def _rule(self, step: words.Rule) -> Record:
        rule = {
            "alert": step.name,
            "expr": step.expr,
            "for": step.for_,
            "labels": {**step.labels},
            "annotations": {**step.annotations},
        }
        path = self._layout.run / "rules" / f"added-{step.name}.yml"
        group = {"name": f"added-{step.name}", "interval": "1s", "rules": [rule]}
        write_atomically(path, json.dumps({"groups": [group]}))
        self._reload()
        return {"file": str(path)}

    def _wait(self, step: words.Wait) -> Record:
        time.sleep(step.seconds)
        return {}

    # ------------------------------------------------------------ undoing

    def _undo(self, record: Record) -> None:
        _end(record.get("pid"))
        match record["step"]:
            case "commit":
                repository.revert(self._layout.repository, [str(record["commit"])], author="Ines Farkas")
            case "config":
                self._set_back(f"/v1/config/{record['service']}", record)
            case "flag":
                self._set_back(f"/v1/flags/{record['flag']}", record)
            case "stop":
                self._supervisor.start_program(str(record["program"]))
            case "sql":
                undo = record.get("undo")
                self._execute(tuple(undo) if isinstance(undo, list) else ())
            case "upstream" | "traffic" | "rule":
                Path(str(record["file"])).unlink(missing_ok=True)
                self._reload()

    def _set_back(self, path: str, record: Record) -> None:
        body = {"value": record["value"], "author": "Ines Farkas"}
        body |= {"key": record["key"]} if "key" in record else {"service": record["service"]}
        self._platform("PUT", path, body)

    def _redeploy(self, records: list[Record]) -> None:
        """Once every commit is taken back, what was deployed runs main again."""
        for service in dict.fromkeys(str(r["service"]) for r in records if r["step"] == "deploy"):
            self._platform("POST", "/v1/deploys", {"service": service, "author": "Ines Farkas"})

    # ------------------------------------------------------------ hands

    def _helper(self, kind: str, step: words.Strict) -> Record:
        """Start a process that outlives us; returns once its trouble is there, or raises ConfigError."""
        ours = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), MARK: str(self._layout.home)}
        command = [sys.executable, "-m", "autoheal.sandbox.trouble", str(self._layout.home), kind]
        heard, said = os.pipe()
        nothing = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 2)]
        pid = os.posix_spawn(
            sys.executable,
            [*command, step.model_dump_json()],
            {**os.environ, **ours},
            file_actions=[*nothing, (os.POSIX_SPAWN_DUP2, said, 1)],
            setsid=True,
        )
        os.close(said)
        with os.fdopen(heard, encoding="utf-8", errors="replace") as pipe:
            word = pipe.readline().strip() if select.select([pipe], [], [], _HELPER_SECONDS)[0] else "no word"
        if word != READY:
            _end(pid)
            raise ConfigError(f"{kind} cannot be done: {word or 'it ended'}")
        return {"pid": pid}

    def _execute(self, statements: tuple[str, ...]) -> None:
        try:
            with psycopg.connect(self._layout.database_url, autocommit=True) as connection:
                for statement in statements:
                    connection.execute(statement.encode())
        except psycopg.Error as error:
            raise ConfigError(f"sql: {' '.join(str(error).split())}") from None

    def _platform(self, method: str, path: str, body: object = None) -> dict[str, object]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._layout.url("platform") + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                answer: dict[str, object] = json.loads(response.read())
                return answer
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")[:300]
            raise ConfigError(f"{method} {path}: the platform answers {error.code}: {said}") from None
        except OSError as error:
            raise UnreachableError(f"the platform does not answer: {error}") from None

    def _reload(self) -> None:
        request = urllib.request.Request(self._layout.url("prometheus") + "/-/reload", b"", method="POST")
        try:
            urllib.request.urlopen(request, timeout=5).read()
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace").strip()[:300]
            raise ConfigError(f"rule: Prometheus refuses it: {said}") from None


def _edit(work: Path, change: words.Edit) -> None:
    path = work / change.file
    if not path.resolve().is_relative_to(work.resolve()):
        raise ConfigError(f"commit: {change.file} is outside of the repository")
    if change.content is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(change.content, encoding="utf-8")
        return
    if not path.is_file():
        raise ConfigError(f"commit: the shop has no file {change.file}")
    text = path.read_text(encoding="utf-8")
    if change.replace is None or change.replace not in text:
        raise ConfigError(f"commit: {change.file} does not hold the text to replace: {change.replace!r}")
    path.write_text(text.replace(change.replace, change.with_ or ""), encoding="utf-8")


def _end(pid: object) -> None:
    """Ask a helper to end, which lets it tidy up; then make it."""
    if not isinstance(pid, int):
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGTERM)
        for _ in range(20):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            os.kill(pid, 0)
            time.sleep(0.05)
        os.killpg(pid, signal.SIGKILL)

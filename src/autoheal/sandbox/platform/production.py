"""Carries changes out: releases laid out, files written, processes restarted, the effect logged."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import urllib.request
from collections.abc import Callable

from pydantic import JsonValue

from autoheal.integrations.crash import Crash
from autoheal.sandbox import repository
from autoheal.sandbox.layout import DATABASE, SERVICES, THIRD_PARTY, Layout, write_atomically
from autoheal.sandbox.platform.state import Change, Intent, Release, Service, State, StateFile
from autoheal.sandbox.supervisor import Supervisor

_READY_SECONDS = 8.0


class Production:
    """The platform's hands; every method that changes something is called with the state open."""

    def __init__(self, layout: Layout, state: StateFile, *, crash: Crash) -> None:
        self.layout = layout
        self.state = state
        self.crash = crash
        self._supervisor = Supervisor(layout.home)
        self._log_lock = threading.Lock()

    def begin(self) -> None:
        """At the first start deploy main everywhere; afterwards only write what processes read."""
        with self.state.changing() as state:
            if not state.services:
                self._found(state)
            self.publish(state)

    def _found(self, state: State) -> None:
        commit = repository.head(self.layout.repository)
        for name in (*SERVICES, THIRD_PARTY):
            text = repository.read(self.layout.repository, f"config/{name}.json", at=commit)
            release = Release(commit=commit, deployed_at=time.time() - 2 * 86_400)
            service = Service(name=name, releases=[release], configurations={1: json.loads(text)})
            service.config_version, service.config_history = 1, [1]
            state.services[name] = service
        state.services[DATABASE] = Service(name=DATABASE)
        state.flags = json.loads(repository.read(self.layout.repository, "flags.json", at=commit))

    def publish(self, state: State) -> None:
        """Write every file that running processes read."""
        run = self.layout.run
        for service in state.services.values():
            if service.releases:
                folder = self.layout.home / "releases" / service.release
                repository.check_out(self.layout.repository, service.release, folder)
                config = service.configurations[service.config_version]
                write_atomically(run / "config" / f"{service.name}.json", json.dumps(config, indent=2))
                write_atomically(run / "releases" / service.name, service.release)
        write_atomically(run / "flags.json", json.dumps(state.flags))
        write_atomically(run / "registry.json", json.dumps(self._addresses(state)))
        write_atomically(run / "targets.json", json.dumps(self._targets(state)))

    def _addresses(self, state: State) -> dict[str, list[str]]:
        return {
            name: [f"http://127.0.0.1:{port}" for port in ports[: state.services[name].replicas]]
            for name, ports in self.layout.services.items()
        }

    def _targets(self, state: State) -> list[dict[str, object]]:
        ours: list[dict[str, object]] = [
            {
                "targets": [f"127.0.0.1:{port}" for port in self.layout.services[name][: service.replicas]],
                "labels": {"service": name},
            }
            for name, service in state.services.items()
            if name in SERVICES
        ]
        exporter = f"127.0.0.1:{self.layout.ports['exporter']}"
        return [*ours, {"targets": [exporter], "labels": {"service": DATABASE}}]

    # ------------------------------------------------------------ changes

    def deploy(self, state: State, name: str, commit: str, *, note: Note) -> None:
        """Run another commit of a service."""
        service = state.services[name]
        now = time.time()
        before = service.release
        service.releases[-1].replaced_at = now
        service.releases.append(Release(commit=commit, deployed_at=now))
        service.version += 1
        note(kind="deploy", entity=name, commit=commit, key="release", before=before, after=commit)
        self._apply(state, service)

    def configure(self, state: State, name: str, version: int, *, note: Note, commit: str = "") -> None:
        """Run a service with another of its configurations."""
        service = state.services[name]
        old, new = service.configurations[service.config_version], service.configurations[version]
        changed = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
        service.config_version = version
        service.config_history.append(version)
        service.version += 1
        key = changed[0] if len(changed) == 1 else ""
        note(
            kind="config",
            entity=name,
            commit=commit,
            key=key or ", ".join(changed),
            before=json.dumps(old.get(key)) if key else "",
            after=json.dumps(new.get(key)) if key else "",
        )
        self._apply(state, service)

    def set_flag(
        self, state: State, flag: str, value: JsonValue, *, entity: str, note: Note, commit: str = ""
    ) -> None:
        """Set a feature flag; services read it live."""
        before = state.flags.get(flag)
        state.flags[flag] = value
        if entity in state.services:
            state.services[entity].version += 1
        note(
            kind="flag",
            entity=entity,
            commit=commit,
            key=flag,
            before=json.dumps(before),
            after=json.dumps(value),
        )
        self.publish(state)

    def scale(self, state: State, name: str, replicas: int, *, note: Note) -> None:
        """Run more or fewer replicas."""
        service = state.services[name]
        before, service.replicas = service.replicas, replicas
        service.version += 1
        note(kind="scale", entity=name, key="replicas", before=str(before), after=str(replicas))
        for number in range(before, replicas):
            self._supervisor.start_program(f"{name}-{number}")
            self._await(self.layout.services[name][number])
        self.publish(state)
        for number in range(replicas, before):
            self._supervisor.stop_program(f"{name}-{number}")

    def restart(self, state: State, name: str, *, note: Note) -> None:
        """Start the processes of a service afresh, with the same release and configuration."""
        service = state.services[name]
        service.version += 1
        note(kind="restart", entity=name)
        self._apply(state, service)

    def _apply(self, state: State, service: Service) -> None:
        self.publish(state)
        for program in self.programs(service):
            self._supervisor.restart_program(program)
        ports = self.layout.services.get(service.name, ())[: service.replicas]
        for port in ports or (self.layout.ports["database"],):
            self._await(port)

    def programs(self, service: Service) -> list[str]:
        """The supervised programs that make a service up."""
        if service.name == DATABASE:
            return [DATABASE]
        return [f"{service.name}-{number}" for number in range(service.replicas)]

    def _await(self, port: int) -> None:
        """Wait until something listens; what never does is for the alerts to tell."""
        until = time.monotonic() + _READY_SECONDS
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=0.3).close()
            except OSError:
                time.sleep(0.05)
            else:
                return

    def healthy(self, service: Service) -> int:
        """How many replicas have a running process."""
        running = self._supervisor.processes()
        return sum(program in running for program in self.programs(service))

    # ------------------------------------------------------------ rules and records

    def reload_rules(self) -> str:
        """Load the alerting rules that stand on main; returns the commit."""
        commit = repository.head(self.layout.repository)
        folder = self.layout.home / "releases" / commit
        repository.check_out(self.layout.repository, commit, folder)
        target = self.layout.run / "rules"
        target.mkdir(parents=True, exist_ok=True)
        wanted = {path.name: path.read_text() for path in (folder / "alerts").glob("*.y*ml")}
        for path in target.glob("shop-*.yml"):
            if path.name.removeprefix("shop-") not in wanted:
                path.unlink()
        for name, text in wanted.items():
            write_atomically(target / f"shop-{name}", text)
        self.reload_prometheus()
        return commit

    def reload_prometheus(self) -> None:
        """Ask Prometheus to read its files again."""
        request = urllib.request.Request(self.layout.url("prometheus") + "/-/reload", b"", method="POST")
        urllib.request.urlopen(request, timeout=5).read()

    def log_effect(self, key: str, intent: Intent) -> None:
        """Append to the effect log, once per key; on disk when this returns."""
        effect = {"time": time.time(), "key": key, **intent.model_dump()}
        with self._log_lock, self.layout.effects.open("a+", encoding="utf-8") as file:
            file.seek(0)
            if any(json.loads(line)["key"] == key for line in file if line.endswith("\n")):
                return
            file.write(json.dumps(effect) + "\n")
            file.flush()
            os.fsync(file.fileno())


Note = Callable[..., None]
"""Writes one change into the state's log; keywords are the fields of `Change` but id, time, author, title."""


def notes(state: State, *, author: str, title: str) -> Note:
    """A note-taker for one author and one title."""

    def note(**fields: str) -> None:
        number = len(state.changes) + 1
        known = {"id": f"{fields['kind']}-{number}", "time": time.time(), "author": author}
        state.changes.append(Change.model_validate({**known, "title": title or fields["kind"], **fields}))

    return note

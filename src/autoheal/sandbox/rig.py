"""The rig as one thing: up, down, status; inject a fault, recover from it."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from autoheal.domain.errors import ConflictError, NotFoundError, UnreachableError
from autoheal.sandbox import monitoring, postgres, repository
from autoheal.sandbox.fault import Fault, bundled
from autoheal.sandbox.injection import Injection
from autoheal.sandbox.layout import DATABASE, REPLICAS, Layout, fresh, load
from autoheal.sandbox.supervisor import Program, Supervisor, unprivileged, write

Progress = Callable[[str], None]

PACKAGES = {
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "postgres": "postgresql",
    "git": "git",
}
"""Programs the rig needs, each with the Debian package that brings it."""

_READY_SECONDS = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """A running rig in its home folder."""

    layout: Layout

    @classmethod
    def up(cls, home: Path, *, webhook_url: str | None = None, progress: Progress = lambda _: None) -> Rig:
        """Start everything in a folder; raises ConflictError when it is up, UnreachableError else."""
        binaries = programs()
        home = home.absolute()
        _clear(home)
        layout = fresh(home)
        layout.save()
        progress("make the shop's repository")
        commit = repository.create(layout.repository)
        repository.check_out(layout.repository, commit, home / "releases" / commit)
        monitoring.write(layout, webhook_url)
        progress("set up PostgreSQL")
        postgres.create(layout)
        write(home, _programs(layout, binaries))
        progress("start the platform, the store and the database")
        rig = cls(layout=layout)
        rig.supervisor.start()
        try:
            rig._finish(commit, progress)
        except BaseException:
            rig.down()
            raise
        return rig

    @classmethod
    def attach(cls, home: Path) -> Rig:
        """The rig that runs in the folder; raises NotFoundError."""
        rig = cls(layout=load(home.absolute()))
        if not rig.supervisor.running():
            raise NotFoundError(f"the rig in {home} is not up; `autoheal sandbox up` starts it")
        return rig

    @classmethod
    def left(cls, home: Path) -> Rig:
        """The rig that was started in the folder, be it up, broken or down; raises NotFoundError."""
        return cls(layout=load(home.absolute()))

    @property
    def supervisor(self) -> Supervisor:
        """The process supervisor."""
        return Supervisor(self.layout.home)

    @property
    def endpoints(self) -> Mapping[str, str]:
        """Where its parts answer."""
        return self.layout.endpoints()

    def _finish(self, commit: str, progress: Progress) -> None:
        layout = self.layout
        postgres.fill(layout, layout.home / "releases" / commit)
        _await(layout.url("platform") + "/v1/services")
        _await(layout.url("store") + "/ready")
        progress("start the services and their customers")
        for name in ("bank", "pricing", "inventory", "payments", "catalog", "orders", "gateway"):
            self.supervisor.start_program(f"{name}-0")
        for ports in layout.services.values():
            _listening(ports[0])
        self.supervisor.start_program("exporter")
        self.supervisor.start_program("traffic")
        progress("start Prometheus and Alertmanager")
        _await(layout.url("prometheus") + "/-/ready")
        _await(layout.url("alertmanager") + "/-/ready")
        _post(layout.url("platform") + "/v1/rules/reload")

    def down(self) -> None:
        """Stop everything that was started."""
        Injection(self.layout).stop_helpers()
        self.supervisor.shut_down()

    def status(self) -> dict[str, object]:
        """Which processes run, and where what answers."""
        running = self.supervisor.processes()
        return {"up": True, "processes": running, "endpoints": dict(self.endpoints)}

    def inject(self, fault: Fault, parameters: Mapping[str, str] | None = None) -> dict[str, str]:
        """Break something; returns the ground truth with the parameters filled in."""
        return Injection(self.layout).inject(fault, parameters or {})

    def recover(self, fault_id: str | None = None) -> list[str]:
        """Undo one injected fault, or all of them; returns their ids."""
        return Injection(self.layout).recover(fault_id)


def _clear(home: Path) -> None:
    """Make an empty folder; raises ConflictError rather than delete what is not a rig that is down."""
    if home.exists() and not home.is_dir():
        raise ConflictError(f"{home} is not a folder; name another with --home")
    if (home / "rig.json").exists():
        if Supervisor(home).running():
            raise ConflictError(f"a rig is up in {home}; `autoheal sandbox down` stops it")
        Rig.left(home).down()
        shutil.rmtree(home)
    elif home.exists() and any(home.iterdir()):
        raise ConflictError(f"{home} holds files that are not a rig's; name an empty folder with --home")
    home.mkdir(parents=True, exist_ok=True)


def faults(extra: Path | None = None) -> dict[str, Fault]:
    """The bundled faults by id, and those of another folder, which win."""
    return bundled(extra)


def programs() -> dict[str, str]:
    """Paths of the programs we need; raises UnreachableError naming the missing packages."""
    found = {n: (postgres.binary(n) if n == "postgres" else shutil.which(n)) for n in PACKAGES}
    missing = sorted(PACKAGES[name] for name, path in found.items() if path is None)
    if missing:
        raise UnreachableError(f"missing programs; install the packages: {' '.join(missing)}")
    return {name: path for name, path in found.items() if path is not None}


def _programs(layout: Layout, binaries: Mapping[str, str]) -> list[Program]:
    home = str(layout.home)

    def module(name: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", f"autoheal.sandbox.{name}", *arguments]

    # Everything our own processes import must be found whatever folder they are started in.
    ours = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    store = module("store.server", str(layout.ports["store"]), str(layout.home / "store.db"))
    fixed = [
        Program(name=DATABASE, command=postgres.command(layout), user=unprivileged(), stop_signal="INT"),
        Program(name="store", command=store, environment=ours),
        Program(name="platform", command=module("platform.server", home), environment=ours),
        Program(name="exporter", command=module("postgres", home), start=False, environment=ours),
        Program(name="traffic", command=module("traffic", home), start=False, environment=ours),
        Program(name="prometheus", command=monitoring.prometheus_command(layout, binaries["prometheus"])),
        Program(
            name="alertmanager",
            command=monitoring.alertmanager_command(layout, binaries["prometheus-alertmanager"]),
        ),
    ]
    replicas = [
        Program(
            name=f"{name}-{n}", command=module("launch", home, name, str(n)), start=False, environment=ours
        )
        for name in layout.services
        for n in range(REPLICAS)
    ]
    return [*fixed, *replicas]


def _await(url: str) -> None:
    until = time.monotonic() + _READY_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).read()
        except (OSError, urllib.error.HTTPError) as error:
            if time.monotonic() > until:
                raise UnreachableError(f"{url} does not answer: {error}") from None
            time.sleep(0.1)
        else:
            return


def _listening(port: int) -> None:
    until = time.monotonic() + _READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
        except OSError:
            if time.monotonic() > until:
                raise UnreachableError(f"nothing listens on port {port}") from None
            time.sleep(0.05)
        else:
            return


def _post(url: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, b"", method="POST"), timeout=10).read()

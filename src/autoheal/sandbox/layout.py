"""Where the rig keeps what, and on which ports its parts listen: written once, read by every process."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from autoheal.domain.errors import NotFoundError, UnreachableError

SERVICES = ("gateway", "orders", "catalog", "pricing", "payments", "inventory")
THIRD_PARTY = "bank"
DATABASE = "shop-db"
REPLICAS = 4
"""The most replicas of a service; ports are set aside for all of them."""

_PORTS = range(12_000, 32_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The home folder and the ports; `services` holds one port for each possible replica."""

    home: Path
    ports: Mapping[str, int]
    services: Mapping[str, tuple[int, ...]]

    def url(self, part: str) -> str:
        """Where a part answers."""
        return f"http://127.0.0.1:{self.ports[part]}"

    @property
    def repository(self) -> Path:
        """The shop's bare git repository."""
        return self.home / "shop.git"

    @property
    def state(self) -> Path:
        """What the platform knows."""
        return self.home / "platform.json"

    @property
    def effects(self) -> Path:
        """Every change of production that was really carried out, one JSON object a line."""
        return self.home / "effects.jsonl"

    @property
    def run(self) -> Path:
        """Files that running processes read: configuration, flags, registry, weather, targets, rules."""
        return self.home / "run"

    @property
    def database_url(self) -> str:
        """Where the shop's database answers."""
        return f"postgresql://shop@127.0.0.1:{self.ports['database']}/shop"

    def endpoints(self) -> dict[str, str]:
        """What others need to work with the rig, for rig.json and for people."""
        return {
            "prometheus": self.url("prometheus"),
            "alertmanager": self.url("alertmanager"),
            "loki": self.url("store"),
            "jaeger": self.url("store"),
            "platform": self.url("platform"),
            "gateway": f"http://127.0.0.1:{self.services['gateway'][0]}",
            "database": self.database_url,
            "repository": str(self.repository),
            "effects": str(self.effects),
        }

    def save(self) -> None:
        """Write rig.json."""
        content = {**asdict(self), "home": str(self.home), "endpoints": self.endpoints()}
        write_atomically(self.home / "rig.json", json.dumps(content, indent=2))


def load(home: Path) -> Layout:
    """The layout of a rig that was started in the folder; raises NotFoundError."""
    try:
        content = json.loads((home / "rig.json").read_text())
    except FileNotFoundError:
        raise NotFoundError(f"no rig was started in {home}; `autoheal sandbox up` starts one") from None
    services = {name: tuple(ports) for name, ports in content["services"].items()}
    return Layout(home=Path(content["home"]), ports=content["ports"], services=services)


def fresh(home: Path) -> Layout:
    """A layout on free ports."""
    parts = ("prometheus", "alertmanager", "store", "platform", "database", "exporter")
    names = (*SERVICES, THIRD_PARTY)
    free = iter(_free_ports(len(parts) + len(names) * REPLICAS))
    ports = {part: next(free) for part in parts}
    services = {name: tuple(next(free) for _ in range(REPLICAS)) for name in names}
    return Layout(home=home, ports=ports, services=services)


def _free_ports(count: int) -> list[int]:
    """Free ports below the range from which the system serves outgoing connections.

    Most of them wait for a replica that may be started much later; out of the system's own range, some
    connection would sit on one by then.
    """
    found: list[int] = []
    for port in Random().sample(_PORTS, len(_PORTS)):  # two rigs that start at once shall not meet
        if len(found) == count:
            break
        with contextlib.suppress(OSError), socket.socket() as one:
            one.bind(("127.0.0.1", port))
            found.append(port)
    if len(found) < count:
        raise UnreachableError(
            f"only {len(found)} of {count} ports are free in {_PORTS.start} to {_PORTS.stop - 1}"
        )
    return found


def write_atomically(path: Path, text: str) -> None:
    """Readers see the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)

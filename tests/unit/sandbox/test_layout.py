"""Where the rig's parts listen, and that what is written is read back."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from autoheal.domain.errors import NotFoundError, UnreachableError
from autoheal.sandbox import layout
from autoheal.sandbox.layout import fresh, load


def every_port(home: Path) -> list[int]:
    made = fresh(home)
    return [*made.ports.values(), *(port for ports in made.services.values() for port in ports)]


def test_no_two_parts_share_a_port_and_none_is_one_that_outgoing_connections_take(tmp_path: Path) -> None:
    ports = every_port(tmp_path)
    assert len(set(ports)) == len(ports)
    limits = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(limits.read_text().split()[0]) if limits.exists() else 32_768
    assert max(ports) < first


def test_a_port_that_somebody_listens_on_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = every_port(tmp_path)[0]
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", taken))
        listening.listen()
        monkeypatch.setattr(layout, "_PORTS", range(taken, taken + 80))
        assert taken not in every_port(tmp_path)


def test_too_few_free_ports_are_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "_PORTS", range(12_000, 12_003))
    with pytest.raises(UnreachableError, match="ports are free in 12000 to 12002"):
        fresh(tmp_path)


def test_a_layout_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = fresh(tmp_path)
    made.save()
    assert load(tmp_path) == made


def test_a_folder_without_a_rig_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no rig was started in"):
        load(tmp_path)

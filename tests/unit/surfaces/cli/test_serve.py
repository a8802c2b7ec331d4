"""Serving: it says where, it answers, it ends when asked, and it names a port that is taken."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from autoheal.domain.errors import UserError
from autoheal.surfaces.cli.serve import listen

SERVE = [sys.executable, "-m", "autoheal", "serve", "--port", "0", "--json"]


@contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        SERVE, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            announced = "".join(process.stdout.readline() for _ in range(4))
            yield process, str(json.loads(announced)["url"])
        finally:
            process.kill()


def test_it_takes_alerts_until_it_is_told_to_end_and_leaves_no_traceback(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, url):
        assert httpx.get(f"{url}/healthz").status_code == 200
        alert = {"name": "Slow", "labels": {"service": "cart"}}
        assert httpx.post(f"{url}/webhooks/generic", json=alert).status_code == 202
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 143
    assert "Traceback" not in said


def test_an_interrupt_ends_it_with_130(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, _):
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_named_with_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"127.0.0.1:{port}: Address already in use; set http.port"):
            listen("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(UserError, match=r"cannot listen on 192\.0\.2\.1:80"):
        listen("192.0.2.1", 80)

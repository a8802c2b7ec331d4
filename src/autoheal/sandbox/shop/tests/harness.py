"""Starts one service of this work tree alone and replays requests against it.

The other services are played by their real code in the same way, so that answers are the shop's own; the
bank is played too, and the database is a scratch one in memory. Nothing outside this machine is reached.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEEDS = {
    "gateway": ("catalog", "orders"),
    "catalog": ("pricing",),
    "orders": ("pricing", "inventory", "payments"),
    "payments": ("bank",),
}


def expect(*, service, requests, status=200, body_subset=None, max_ms=None, times=1):
    """Replay the requests and hold every answer to the expectation; raises AssertionError with what came."""
    with started(service) as url:
        send(url, requests[0])  # the first request pays for imports and connections
        for _ in range(times):
            for request in requests:
                answer = send(url, request)
                said = f"{request['method']} {request['path']} answered {answer}"
                assert answer["status"] == status, said
                for key, value in (body_subset or {}).items():
                    assert answer["body"].get(key) == value, said
                assert max_ms is None or answer["ms"] <= max_ms, said


def send(url, request, timeout=10):
    """One request: status, JSON body and milliseconds."""
    data = json.dumps(request["body"]).encode() if request.get("body") is not None else None
    began = time.perf_counter()
    asked = urllib.request.Request(url + request["path"], data, method=request["method"])
    try:
        with urllib.request.urlopen(asked, timeout=timeout) as response:
            status, body = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read()
    except OSError as error:
        return {"status": 0, "body": {"error": str(error)}, "ms": (time.perf_counter() - began) * 1000}
    return {"status": status, "body": json.loads(body or b"{}"), "ms": (time.perf_counter() - began) * 1000}


@contextmanager
def started(service):
    """The service and all it needs, each on a free port of this machine."""
    wanted = _closure(service)
    ports = {name: _free_port() for name in wanted}
    with tempfile.TemporaryDirectory() as folder:
        registry = Path(folder) / "registry.json"
        registry.write_text(json.dumps({n: [f"http://127.0.0.1:{p}"] for n, p in ports.items()}))
        running = [_start(name, ports[name], registry) for name in wanted]
        try:
            for name in wanted:
                _await(ports[name])
            yield f"http://127.0.0.1:{ports[service]}"
        finally:
            for process in running:
                process.kill()
                process.wait()


def _closure(service):
    wanted = [service]
    for name in wanted:
        wanted += [n for n in NEEDS.get(name, ()) if n not in wanted]
    return wanted


def _start(name, port, registry):
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PORT": str(port),
        "SHOP_REGISTRY": str(registry),
        "SHOP_DATABASE": "sqlite:",
        "SHOP_CONFIG": str(ROOT / "config" / f"{name}.json"),
        "SHOP_FLAGS": str(ROOT / "flags.json"),
    }
    command = [sys.executable, str(ROOT / "services" / name / "app.py")]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=quiet, stderr=quiet)


def _await(port):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"nothing listens on port {port}")


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

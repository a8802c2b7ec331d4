"""One scripted world of metrics, in memory and in a real Prometheus that also scrapes a tiny exporter."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from autoheal.integrations.memory.metrics import MemoryMetrics
from autoheal.integrations.prometheus.config import PrometheusSettings
from autoheal.ports.telemetry import Metrics

START = float(int(time.time()) // 10 * 10 - 5400)  # noqa: TID251  a real Prometheus lives now
STEPS = 121
"""The world lasts twenty minutes, one sample every ten seconds."""
Samples = list[tuple[float, float]]
Known = tuple[str, dict[str, str], Samples, str]


def _samples(value: Callable[[int], float]) -> Samples:
    return [(START + 10 * n, float(value(n))) for n in range(STEPS)]


def _world() -> list[Known]:
    def requests(code: str, value: Callable[[int], float]) -> Known:
        labels = {"service": "checkout", "code": code}
        return ("http_requests_total", labels, _samples(value), "counter")

    def bucket(le: str, share: float) -> Known:
        labels = {"service": "checkout", "le": le}
        samples = _samples(lambda n: round(n * 10 * share))
        return ("http_request_duration_seconds_bucket", labels, samples, "histogram")

    return [
        requests("200", lambda n: n * 10),
        requests("500", lambda n: max(0, n - 60) * 5),
        ("http_requests_total", {"service": "cart", "code": "200"}, _samples(lambda n: n * 4), "counter"),
        ("http_requests_total", {"service": "idle", "code": "200"}, _samples(lambda _: 7), "counter"),
        ("restarts_total", {"service": "cart"}, _samples(lambda n: n % 50), "counter"),
        ("queue_depth", {"service": "cart", "queue": "mail"}, _samples(lambda n: n % 7), "gauge"),
        ("queue_depth", {"service": "cart", "queue": "bills"}, _samples(lambda _: 3), "gauge"),
        ("queue_depth", {"job": "batch", "instance": "b:1"}, _samples(lambda n: -n), "gauge"),
        bucket("0.1", 0.5),
        bucket("0.5", 0.9),
        bucket("+Inf", 1.0),
        (
            "http_request_duration_seconds_sum",
            {"service": "checkout"},
            _samples(lambda n: n * 2.5),
            "histogram",
        ),
        (
            "http_request_duration_seconds_count",
            {"service": "checkout"},
            _samples(lambda n: n * 10),
            "histogram",
        ),
    ]


def _openmetrics(world: list[Known]) -> str:
    lines: list[str] = []
    for name, labels, samples, _ in world:
        listed = ",".join(f'{key}="{value}"' for key, value in labels.items())
        lines += [f"{name}{{{listed}}} {value} {moment}" for moment, value in samples]
    return "\n".join([*lines, "# EOF\n"])


_EXPORTED = """\
# TYPE jobs counter
# HELP jobs Jobs done.
jobs_total{service="worker"} 5
jobs_created{service="worker"} 1795000000
# TYPE depth gauge
depth{service="worker"} 2
# TYPE wait_seconds histogram
wait_seconds_bucket{service="worker",le="1"} 1
wait_seconds_bucket{service="worker",le="+Inf"} 2
wait_seconds_sum{service="worker"} 3
wait_seconds_count{service="worker"} 2
# TYPE size_bytes summary
size_bytes{service="worker",quantile="0.5"} 4
size_bytes_sum{service="worker"} 8
size_bytes_count{service="worker"} 2
# TYPE untold unknown
untold{service="worker"} 1
# EOF
"""


class _Exporter(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """The metrics page."""
        body = _EXPORTED.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its own name
        """Nothing on the terminal."""


_CONFIG = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: exporter
    static_configs: [{{targets: ["{target}"]}}]
"""
_RULES = """\
groups:
  - name: test
    rules:
      - {record: "depth:max", expr: max(depth)}
      - {alert: DepthSeen, expr: depth > 1, for: 1s, labels: {severity: critical}}
      - {alert: DepthHuge, expr: depth > 1000, for: 90s}
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def exporter() -> Iterator[str]:
    """Address of a target to scrape."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Exporter)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory, exporter: str) -> Iterator[str]:
    """URL of a real Prometheus that holds the scripted world and scrapes the exporter every second."""
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        pytest.skip("prometheus and promtool are not installed: apt-get install prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "prometheus.yml").write_text(_CONFIG.format(target=exporter))
    (folder / "rules.yml").write_text(_RULES)
    (folder / "world.om").write_text(_openmetrics(_world()))
    _backfill(folder)
    url = f"http://127.0.0.1:{_free_port()}"
    process = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={url.removeprefix('http://')}",
            "--log.level=error",
        ]
    )
    try:
        _wait_for_alert(url)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _backfill(folder: Path) -> None:
    world = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
    subprocess.run([*world, folder / "world.om", folder / "data"], check=True, capture_output=True)


def _wait_for_alert(url: str) -> None:
    """Until the exporter was scraped and its rule fires: then everything else is there too."""
    query = {"query": 'ALERTS{alertname="DepthSeen",alertstate="firing"}'}
    for _ in range(200):
        try:
            if httpx.get(f"{url}/api/v1/query", params=query).json()["data"]["result"]:
                return
        except (httpx.HTTPError, ValueError, KeyError):
            pass
        time.sleep(0.1)
    pytest.fail("Prometheus did not come up within 20 s")


@pytest.fixture(scope="session")
def rig_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the rig's own store of logs and traces, empty."""
    port = _free_port()
    file = tmp_path_factory.mktemp("store") / "store.db"
    process = subprocess.Popen([sys.executable, "-m", "autoheal.sandbox.store.server", str(port), str(file)])
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for_answer(f"{url}/ready")
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _wait_for_answer(url: str) -> None:
    for _ in range(200):
        try:
            httpx.get(url).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"{url} did not answer within 20 s")


@pytest.fixture(scope="session")
def in_memory() -> MemoryMetrics:
    """The scripted world in memory."""
    metrics = MemoryMetrics()
    for name, labels, samples, kind in _world():
        metrics.add(name, labels, samples, kind=kind)
    return metrics


@pytest.fixture
def real(prometheus: str) -> Metrics:
    """The scripted world in a real Prometheus."""
    return PrometheusSettings.model_validate({"url": prometheus}).open()


@pytest.fixture(params=["memory", "prometheus"])
def metrics(request: pytest.FixtureRequest) -> Metrics:
    """Every implementation of the Metrics port, with the same world in it."""
    chosen: Metrics = request.getfixturevalue("in_memory" if request.param == "memory" else "real")
    return chosen


@pytest.fixture(scope="session")
def start() -> float:
    """When the scripted world begins, in unix seconds."""
    return START

"""Configuration of the real Prometheus and Alertmanager."""

from __future__ import annotations

import json

from autoheal.sandbox.layout import Layout, write_atomically


def write(layout: Layout, webhook_url: str | None) -> None:
    """Write both configurations; JSON is YAML, so nothing needs quoting rules."""
    prometheus = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "1s"},
        "rule_files": [str(layout.run / "rules" / "*.yml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [_host(layout, "alertmanager")]}]}]},
        "scrape_configs": [
            {
                "job_name": "shop",
                "file_sd_configs": [{"files": [str(layout.run / "targets.json")], "refresh_interval": "2s"}],
            }
        ],
    }
    receiver: dict[str, object] = {"name": "autoheal"}
    if webhook_url:
        receiver["webhook_configs"] = [{"url": webhook_url, "send_resolved": True}]
    alertmanager = {
        "global": {"resolve_timeout": "20s"},
        "route": {
            "receiver": "autoheal",
            "group_by": ["alertname", "service"],
            "group_wait": "1s",
            "group_interval": "2s",
            "repeat_interval": "1h",
        },
        "receivers": [receiver],
    }
    write_atomically(layout.home / "prometheus.yml", json.dumps(prometheus, indent=2))
    write_atomically(layout.home / "alertmanager.yml", json.dumps(alertmanager, indent=2))
    (layout.run / "rules").mkdir(parents=True, exist_ok=True)


def prometheus_command(layout: Layout, binary: str) -> list[str]:
    """How Prometheus is started."""
    return [
        binary,
        f"--config.file={layout.home / 'prometheus.yml'}",
        f"--storage.tsdb.path={layout.home / 'prometheus'}",
        "--storage.tsdb.retention.time=1d",
        f"--web.listen-address={_host(layout, 'prometheus')}",
        "--web.enable-lifecycle",
        # What is sent while a reload rebuilds the list of Alertmanagers is lost until it is sent again.
        "--rules.alert.resend-delay=2s",
        "--log.level=warn",
    ]


def alertmanager_command(layout: Layout, binary: str) -> list[str]:
    """How Alertmanager is started: alone, without a cluster."""
    return [
        binary,
        f"--config.file={layout.home / 'alertmanager.yml'}",
        f"--storage.path={layout.home / 'alertmanager'}",
        f"--web.listen-address={_host(layout, 'alertmanager')}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]


def _host(layout: Layout, part: str) -> str:
    return f"127.0.0.1:{layout.ports[part]}"

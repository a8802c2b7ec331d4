"""Settings and policy with which Autoheal looks after a rig: all times short, since a rig is young."""

from __future__ import annotations

from pathlib import Path

from autoheal.sandbox.layout import Layout

POLICY = """\
# The policy of a rig, a throw-away production: what a merged skill recognises it may mitigate alone, what was
# never seen before waits for a person.
apiVersion: autoheal/v1
kind: ActionPolicy
metadata: {owner: sandbox, version: 1}
mode: propose
environments:
  sandbox:
    mode: auto
    min_trust: assisted
    cooldown: {same_target: 20s, after_failed_verify: 60s}
    rates: {per_incident: 3, per_target_24h: 100, global_1h: 100}
evidence: {independent_signals: 2, min_confidence: 1.0}
approval: {needed: 1, ttl: 15m}
protected: [bank]
"""

_SETTINGS = """\
home = "."
environment = "sandbox"
policy = "policy.yaml"

[http]
port = {port}

[repositories]
shop = "{repository}"

[sources.prometheus]
url = "{prometheus}"
max_concurrent = 8
per_second = 200

[sources.loki]
url = "{loki}"
per_second = 200

[sources.jaeger]
url = "{jaeger}"
per_second = 200
max_traces = 60

[platform]
url = "{platform}"

[pager]
file = "pages.jsonl"

[healing]
baseline_seconds = 120
rate_window_seconds = 6
settle_seconds = 4
second_look_seconds = 6
max_looks = 3
change_lookback_seconds = 900
verify_poll_seconds = 2
verify_stable_seconds = 8
verify_within_seconds = 45
max_sample_age_seconds = 10

[alerts]
join_seconds = 60
sibling_seconds = 30
flap_seconds = 10
aftermath_seconds = 10
hold_seconds = 5

[learning]
code_repository = "shop"
history_seconds = 900
backtest_step_seconds = 1
margin_seconds = 10
min_quiet_seconds = 25
"""


def connect(layout: Layout, home: Path, *, port: int) -> Path:
    """Write autoheal.toml and policy.yaml for the rig into a folder; returns the settings file."""
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "autoheal.toml"
    settings.write_text(_SETTINGS.format(port=port, **layout.endpoints()), encoding="utf-8")
    (home / "policy.yaml").write_text(POLICY, encoding="utf-8")
    return settings

"""Each noun over real stores: what is stored is shown, a decision is stored, an error is one line."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.reports.story import incident, mitigation

from autoheal.config import Config
from autoheal.domain.alert import Severity
from autoheal.domain.alert_group import AlertGroup
from autoheal.domain.approval import Decision
from autoheal.domain.evidence import Evidence, Found, Row, digest_of
from autoheal.domain.incident import IncidentState, TimelineEntry
from autoheal.domain.ledger import LedgerEntry
from autoheal.domain.mitigation import Mitigation
from autoheal.surfaces.cli.main import run
from autoheal.wiring import wire

NOW = datetime.now(UTC)  # noqa: TID251  approvals are judged by the real clock of the command


def waiting() -> Mitigation:
    return replace(mitigation("mit_1", "inc_1"), proposed_at=NOW, expires_at=NOW + timedelta(hours=1))


@pytest.fixture(autouse=True)
def _seeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTOHEAL_CONFIG", raising=False)
    app = wire(Config())
    memory = app.memory
    memory.incidents.save(
        replace(incident("inc_1"), state=IncidentState.AWAITING_APPROVAL, title="[red]cart\x1b[2J is slow")
    )
    memory.incidents.save(incident("inc_2", 60))
    group = AlertGroup(
        id="grp_1",
        incident_id="inc_1",
        environment="production",
        severity=Severity.HIGH,
        services=("cart",),
        occurrences=(),
        firing=(),
        first_at=NOW,
        last_at=NOW,
    )
    memory.alerts.save_group(group)
    memory.mitigations.save(waiting())
    rows = (Row(time=0.0, entity="cart", subject="latency", value=2.5),)
    evidence = Evidence(
        id="ev_1",
        incident_id="inc_1",
        stage="investigate",
        source="prometheus",
        expression="latency",
        start=NOW,
        end=NOW,
        asked_at=NOW,
        seconds=0.1,
        answer=Found(rows=1, digest=digest_of(rows)),
    )
    memory.incidents.add_evidence(evidence, rows)
    memory.incidents.add_timeline(
        "inc_1", TimelineEntry(at=NOW, kind="symptom", text="it hurts", actor="autoheal", evidence=("ev_1",))
    )
    memory.incidents.add_costs(
        [LedgerEntry(incident_id="inc_1", stage="investigate", backend="prometheus", at=NOW, queries=7)]
    )
    app.stop()


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, object]:
    assert run([*arguments, "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    assert str(found["schema"]).startswith("autoheal.")
    return found


COMMANDS = [
    "incident list",
    "incident show inc_1",
    "incident timeline inc_1",
    "evidence show ev_1",
    "action list",
    "kill status",
    "proposal list",
    "skill list",
    "graph stats",
    "graph query cart",
    "decision list",
    "audit verify",
    "report",
    "config show",
    "config validate",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_reads_speaks_json_and_text(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, *command.split())
    assert run(command.split()) == 0
    spoken = capsys.readouterr()
    assert spoken.out + spoken.err


@pytest.mark.parametrize(
    "command",
    [
        "incident show nope",
        "evidence show nope",
        "proposal show nope",
        "proposal merge nope",
        "skill show nope",
        "decision show nope",
        "action reject nope",
    ],
)
def test_what_is_not_there_is_one_line_and_exit_eight(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command.split()) == 8
    spoken = capsys.readouterr()
    assert (spoken.out, spoken.err.count("\n")) == ("", 1)


def test_an_incident_page_holds_what_an_engineer_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["incident", "show", "inc_1"]) == 0
    page = capsys.readouterr().out
    for words in ("awaiting_approval", "onset", "restart cart", "x > 1 gone for 10 s", "prometheus 7"):
        assert words in page
    assert "[red]cart" in page
    assert "\x1b" not in page


def test_open_incidents_leave_out_settled_ones(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "incident", "list", "--open")["incidents"]
    assert isinstance(found, list)
    assert [i["id"] for i in found] == ["inc_1"]


def test_an_approval_needs_a_digest_or_a_yes_where_nobody_can_be_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["action", "approve", "mit_1"]) == 2
    spoken = capsys.readouterr()
    assert "restart cart" in spoken.err
    assert waiting().digest in spoken.err
    assert told(capsys, "action", "list")["actions"] != []


def test_an_approval_of_another_digest_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["action", "approve", "mit_1", "--digest", "0" * 64]) == 1
    assert "not what you saw" in capsys.readouterr().err


def test_an_approval_that_no_worker_hears_yet_is_stored_for_the_next_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["action", "approve", "mit_1", "--digest", waiting().digest, "--actor", "ann"]) == 0
    app = wire(Config())
    stored = [(a.actor, a.channel, a.decision) for a in app.memory.mitigations.approvals("mit_1")]
    app.stop()
    assert stored == [("ann", "cli", Decision.APPROVED)]
    assert told(capsys, "audit", "verify")["intact"] is True


def test_the_kill_switch_is_engaged_and_released_with_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["kill", "engage", "--reason", "drill", "--actor", "ann"]) == 0
    state = told(capsys, "kill", "status")
    assert state["engaged"] is True
    assert "drill" in str(state["reason"])
    assert told(capsys, "kill", "release")["engaged"] is False


def test_a_changed_record_fails_the_audit_with_exit_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["kill", "engage", "--reason", "drill"]) == 0
    database = tmp_path / ".autoheal" / "autoheal.db"
    content = database.read_bytes()
    wal = database.with_name("autoheal.db-wal")
    logged = wal.read_bytes() if wal.exists() else b""
    assert b"drill" in content + logged
    database.write_bytes(content.replace(b'"drill"', b'"trial"'))
    if logged:
        wal.unlink()
        pytest.fail("the log was not folded into the database when the command ended")
    capsys.readouterr()
    assert told(capsys, "audit", "verify", code=1)["intact"] is False


def test_the_doctor_fails_where_nothing_can_be_observed(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "doctor", code=1)
    checks = found["checks"]
    assert isinstance(checks, list)
    failed = {check["name"]: check["mend"] for check in checks if check["status"] == "fail"}
    assert failed == {"metrics": "set sources.prometheus.url"}


def test_the_doctor_names_a_wrong_settings_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "autoheal.toml").write_text("nonsense = 1\n")
    checks = told(capsys, "doctor", code=1)["checks"]
    assert isinstance(checks, list)
    assert "autoheal.toml:1: no such setting nonsense" in checks[0]["text"]


def test_an_unclear_time_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["graph", "query", "cart", "--as-of", "yesterday"]) == 2
    assert "--as-of yesterday" in capsys.readouterr().err
    assert run(["graph", "query", "cart", "--as-of", "2026-11-01T00:00:00"]) == 2
    assert "time zone" in capsys.readouterr().err


@pytest.mark.parametrize(
    "settings",
    [
        ("AUTOHEAL_DATABASE__URL", "postgresql+psycopg://127.0.0.1:1/x", 4, "does not answer"),
        ("AUTOHEAL_DATABASE__URL", "mysql://127.0.0.1/x", 3, "use sqlite or postgresql"),
        ("AUTOHEAL_DATABASE__URL", "sqlite:///garbage.db", 3, "not a database"),
        ("AUTOHEAL_HOME", "garbage.db/inside", 3, "cannot be made"),
        ("AUTOHEAL_POLICY", "absent.yaml", 3, "absent.yaml"),
    ],
)
def test_what_cannot_be_opened_is_one_line_with_its_code(
    settings: tuple[str, str, int, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name, value, code, said = settings
    Path("garbage.db").write_text("garbage" * 100)
    monkeypatch.setenv(name, value)
    assert run(["incident", "list"]) == code
    spoken = capsys.readouterr()
    assert (spoken.out, spoken.err.count("\n")) == ("", 1)
    assert said in spoken.err
    assert run(["doctor"]) == 1

"""`autoheal graph merge|unmerge|retract|restore`: audited, undoable, and one line where they cannot."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autoheal.config import Config
from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.fact import NodeKind, urn
from autoheal.graph.observed import told_changes, traced_calls
from autoheal.graph.take_in import Intake
from autoheal.surfaces.cli.main import run
from autoheal.wiring import wire

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _seeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTOHEAL_CONFIG", raising=False)
    app = wire(Config())
    pairs = [("web", "cart"), ("cart-svc", "db"), ("cart", "db")]
    change = Change(id="v42", kind=ChangeKind.DEPLOY, entity="cart", time=NOW.timestamp(), title="v42")
    for told in (
        traced_calls(pairs, source="jaeger", at=NOW),
        told_changes([change], source="platform", at=NOW),
    ):
        Intake(app.graph()).take_in(told, now=NOW)
    app.stop()


def spoken(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert run(list(arguments)) == code
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return said.out + said.err


def center(capsys: pytest.CaptureFixture[str], thing: str) -> str:
    return str(json.loads(spoken(capsys, "graph", "show", thing, "--json"))["view"]["center"])


def links(capsys: pytest.CaptureFixture[str], thing: str) -> list[dict[str, str]]:
    found = json.loads(spoken(capsys, "graph", "show", thing, "--json"))["view"]["links"]
    assert isinstance(found, list)
    return found


def kinds_of_audit() -> list[tuple[str, str]]:
    app = wire(Config())
    found = [(record.kind, record.actor) for record in app.traces()]
    app.stop()
    return found


def test_a_merge_is_read_by_both_names_listed_audited_and_undone(capsys: pytest.CaptureFixture[str]) -> None:
    said = spoken(capsys, "graph", "merge", "cart-svc", "cart", "--reason", "renamed", "--actor", "ann")
    assert "ah:service:default/cart-svc is read as ah:service:default/cart" in said
    for name in ("cart", "cart-svc", "ah:service:default/cart-svc"):
        assert center(capsys, name) == urn(NodeKind.SERVICE, "cart")
    assert len(links(capsys, "cart")) == 3
    assert "renamed" in spoken(capsys, "graph", "merges")
    again = ("graph", "merge", "cart-svc", "cart", "--reason", "x")
    assert "are one already" in spoken(capsys, *again, code=1)
    spoken(capsys, "graph", "unmerge", "cart-svc", "--reason", "no", "--actor", "bob")
    assert len(links(capsys, "cart-svc")) == 1
    assert kinds_of_audit() == [("graph.merged", "ann"), ("graph.unmerged", "bob")]


def test_all_that_an_extractor_said_is_counted_retracted_and_restored(
    capsys: pytest.CaptureFixture[str],
) -> None:
    retract = ("graph", "retract", "--extractor", "traces", "--version", "1", "--reason", "it misread")
    counted = spoken(capsys, *retract, "--dry-run")
    assert "3 assertions of 1 inputs would be taken back; 3 facts stand by them alone" in counted
    assert len(links(capsys, "cart")) == 3
    spoken(capsys, *retract, "--actor", "ann")
    assert [link["relation"] for link in links(capsys, "cart")] == ["CHANGED"]
    assert "nothing is believed by the word of extractor 'traces@1'" in spoken(capsys, *retract, code=8)
    spoken(capsys, "graph", "restore", "--extractor", "traces", "--reason", "it did not", "--actor", "ann")
    assert len(links(capsys, "cart")) == 3
    assert kinds_of_audit() == [("graph.retracted", "ann"), ("graph.restored", "ann")]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["merge", "cart", "nobody", "--reason", "x"], 8, "the graph knows no 'nobody'"),
        (["merge", "cart", "v42", "--reason", "x"], 2, "are of different kinds"),
        (["merge", "cart", "cart", "--reason", "x"], 1, "are one already"),
        (["unmerge", "cart", "--reason", "x"], 8, "is merged into nothing"),
        (["retract", "--extractor", " ", "--reason", "x"], 8, "nothing is believed"),
        (["retract", "--extractor", "traces", "--version", "9", "--reason", "x"], 8, "'traces@9'"),
    ],
)
def test_a_mend_that_cannot_be_is_one_line(
    arguments: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = spoken(capsys, "graph", *arguments, code=code)
    assert says in said
    assert len(said.strip().splitlines()) == 1


def test_a_fact_names_the_input_that_it_was_read_from_and_what_read_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    link = links(capsys, "v42")[0]
    said = spoken(capsys, "graph", "show", link["id"])
    assert "read by changes@1 from change v42" in " ".join(said.split())


def test_the_command_line_says_what_a_neighborhood_leaves_out(capsys: pytest.CaptureFixture[str]) -> None:
    app = wire(Config())
    pairs = [(f"s{number}", "hub") for number in range(2_010)]
    Intake(app.graph()).take_in(traced_calls(pairs, source="jaeger", at=NOW), now=NOW)
    app.stop()
    assert "cut: 10 older facts" in spoken(capsys, "graph", "show", "hub")
    assert "cut" not in spoken(capsys, "graph", "show", "web").splitlines()[-1]


def test_the_list_is_cut_searched_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "2 of 5; --limit shows more" in " ".join(spoken(capsys, "graph", "list", "--limit", "2").split())
    found = json.loads(spoken(capsys, "graph", "list", "--search", "CART", "--kind", "service", "--json"))
    assert ([entry["name"] for entry in found["entries"]], found["total"]) == (["cart", "cart-svc"], 2)
    assert "nothing that is known fits" in spoken(capsys, "graph", "list", "--search", "nobody")

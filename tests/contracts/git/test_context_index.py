"""The context repository is read on each commit; what is wrong is named, and what it said stays live."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autoheal.domain.fact import NodeKind, Relation, urn
from autoheal.integrations.git.context import ensure
from autoheal.integrations.git.forge import GitForge
from autoheal.integrations.memory.graph import MemoryGraph
from autoheal.integrations.memory.machine import MemoryClock
from autoheal.learning.context_index import ContextIndex

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CATALOG = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: cart
spec:
  type: service
  lifecycle: production
  owner: blue
"""
DECISION = """\
# inc_1: errors after a deploy

| subject | relation | object | in words | source |
| --- | --- | --- | --- | --- |
| `ah:failure_mode:default/errors/deploy` | MITIGATED_BY | `ah:action:default/rollback` | it helps | ann |
"""
POSTMORTEM = """\
# Postmortem: cart fails

Incident `inc_1`, high, mitigated_by_us. Published by ann.
Failure mode `errors/deploy`.

## Cause

cart: deploy v7 raised errors.
"""


class Repository:
    """A context repository in which people edit files, and the graph that follows it."""

    def __init__(self, folder: Path) -> None:
        context = folder / "context.git"
        ensure(context)
        self.forge = GitForge({"context": context}, folder / "scratch")
        self.graph, self.clock = MemoryGraph(), MemoryClock(at=NOON)
        self.index = self.started()

    def started(self) -> ContextIndex:
        """A process that has just started."""
        return ContextIndex(graph=self.graph, forge=self.forge, clock=self.clock)

    def merged(self, files: dict[str, str | None]) -> list[str]:
        """A person merges an edit; what was refused."""
        self.clock.at += timedelta(hours=1)
        number = re.sub(r"\D", "", self.clock.at.isoformat())
        branch = self.forge.commit("context", branch=f"autoheal/edit/{number}", files=files, message="Edit")
        self.forge.merge(branch, message="Edit", author="ann")
        return self.index.problems()

    def said(self, relation: Relation) -> list[str]:
        """What is believed of one relation."""
        return sorted(fact.statement for fact in self.graph.facts(relation=relation))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_catalog_decisions_and_published_postmortems_are_live_once_merged(repository: Repository) -> None:
    files: dict[str, str | None] = {
        "catalog/cart.yaml": CATALOG,
        "decisions/inc_1.md": DECISION,
        "postmortems/inc_1.md": POSTMORTEM,
    }
    assert repository.merged(files) == []
    assert repository.said(Relation.OWNED_BY) == ["cart is owned by blue"]
    assert repository.said(Relation.MITIGATED_BY) == ["it helps"]
    described = repository.graph.facts(object=urn(NodeKind.FAILURE_MODE, "errors/deploy"))
    assert [fact.statement for fact in described] == ["postmortem of inc_1: cart: deploy v7 raised errors."]
    assert described[0].provenance[0].source == "context/postmortems/inc_1.md"


@pytest.mark.criterion(93)
def test_a_draft_on_main_is_still_no_postmortem(repository: Repository) -> None:
    draft = POSTMORTEM.replace("# Postmortem: ", "# Postmortem draft: ")
    assert repository.merged({"postmortems/inc_1.md": draft}) == []
    assert not repository.said(Relation.DESCRIBES)


@pytest.mark.parametrize(
    ("path", "broken", "says"),
    [
        ("catalog/cart.yaml", CATALOG.replace("owner: blue", "owner:"), "catalog/cart.yaml:8: owner"),
        ("decisions/inc_1.md", DECISION.replace("MITIGATED_BY", "HELPED"), "decisions/inc_1.md:5: HELPED"),
        ("decisions/inc_1.md", DECISION.replace("`ah:action", "`action"), "decisions/inc_1.md:5: a row is"),
        (
            "postmortems/inc_1.md",
            POSTMORTEM.replace("Incident `", "Of `"),
            "postmortems/inc_1.md:2: names no",
        ),
    ],
)
def test_an_invalid_file_is_refused_with_its_line_and_its_previous_version_stays_live(
    repository: Repository, path: str, broken: str, says: str
) -> None:
    good = {"catalog": CATALOG, "decisions": DECISION, "postmortems": POSTMORTEM}[path.partition("/")[0]]
    repository.merged({path: good})
    before = {fact.statement for fact in repository.graph.facts()}
    assert before
    (problem,) = repository.merged({path: broken})
    assert says in problem
    assert {fact.statement for fact in repository.graph.facts()} == before
    repository.index = repository.started()
    assert len(repository.index.problems()) == 1, "also after a restart"
    assert {fact.statement for fact in repository.graph.facts()} == before
    assert repository.merged({path: good}) == []


def test_an_edit_and_a_removed_file_end_what_they_said(repository: Repository) -> None:
    repository.merged({"catalog/cart.yaml": CATALOG, "decisions/inc_1.md": DECISION})
    repository.merged({"catalog/cart.yaml": CATALOG.replace("owner: blue", "owner: red")})
    (owner,) = repository.graph.facts(relation=Relation.OWNED_BY)
    assert owner.statement == "cart is owned by red"
    assert owner.supersedes is not None
    repository.index = repository.started()
    repository.merged({"decisions/inc_1.md": None})
    assert not repository.said(Relation.MITIGATED_BY)
    known = repository.graph.facts(relation=Relation.MITIGATED_BY, known_at=NOON + timedelta(hours=1))
    assert len(known) == 1, "history stays"


def test_the_same_commit_is_read_once(repository: Repository) -> None:
    repository.merged({"catalog/cart.yaml": CATALOG})
    assert repository.index.refresh() == []


OVERVIEW = """\
# The context repository

Architecture

Orders stay in `component:checkout` because `resource:default/orders-db` cannot be
split before the audit.

- `component:cart` may lose its cache at any time.

Rules

- `nonsense:here` is not read, since it stands elsewhere.
"""


def test_the_overview_is_found_by_the_things_that_it_names(repository: Repository) -> None:
    assert repository.merged({"AGENTS.md": OVERVIEW}) == []
    about = repository.graph.facts(object=urn(NodeKind.RESOURCE, "orders-db"))
    assert [fact.statement for fact in about] == [
        (
            "Orders stay in 'component:checkout' because 'resource:default/orders-db'"
            " cannot be split before the audit."
        )
    ]
    assert len(repository.said(Relation.DESCRIBES)) == 3
    assert about[0].provenance[0].reference.startswith("AGENTS.md@")
    repository.merged({"AGENTS.md": OVERVIEW.replace("- `component:cart` may", "- It may")})
    assert len(repository.said(Relation.DESCRIBES)) == 2


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("# The context repository", "The context", "AGENTS.md:1: begins with a title"),
        ("Architecture", "Structure", "AGENTS.md:12: misses the section Architecture"),
        ("`component:cart`", "`componnt:cart`", "AGENTS.md:8: `componnt:cart` names no kind"),
    ],
)
def test_an_overview_that_cannot_be_read_is_named_by_line_and_the_one_before_stays(
    repository: Repository, old: str, new: str, says: str
) -> None:
    repository.merged({"AGENTS.md": OVERVIEW})
    before = repository.said(Relation.DESCRIBES)
    (problem,) = repository.merged({"AGENTS.md": OVERVIEW.replace(old, new)})
    assert problem.startswith(says)
    assert repository.said(Relation.DESCRIBES) == before
    assert repository.merged({"AGENTS.md": OVERVIEW}) == []


def test_a_new_repository_has_an_overview_that_can_be_read(repository: Repository) -> None:
    assert repository.index.problems() == []

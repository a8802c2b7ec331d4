"""Whatever people and sources did to a graph, an export read into an empty one is the same graph."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contracts.database.words import HOSTILE, after, opened, provenance

from autoheal.domain.errors import ConflictError, NotFoundError
from autoheal.domain.fact import Fact, Method, Node, NodeKind, Relation, urn
from autoheal.domain.skill import Trust
from autoheal.graph.archive_lines import lines, read
from autoheal.graph.conflicts import conflicts
from autoheal.integrations.database.database import Database
from autoheal.ports.curation import Merge

NAMES = ("cart", "cart-svc", "db", HOSTILE)
RELATIONS = (Relation.CALLS, Relation.OWNED_BY, Relation.MANIFESTS_AS)
EXTRACTORS = ("traces@1", "traces@2", "backstage@1", "")
Step = Callable[[Database, float], None]


def service(name: str) -> str:
    return urn(NodeKind.SERVICE, name)


@st.composite
def facts(draw: st.DrawFn) -> Callable[[float], Fact]:
    """A fact of one of few triples, so that they meet, told by one of few extractors."""
    subject, target = draw(st.sampled_from(NAMES)), draw(st.sampled_from(NAMES))
    relation, extractor = draw(st.sampled_from(RELATIONS)), draw(st.sampled_from(EXTRACTORS))
    reference = draw(st.sampled_from(("", "ev_1", f"file@{HOSTILE}")))
    polarity, ended = draw(st.sampled_from((1, 1, 1, -1))), draw(st.booleans())
    method = draw(st.sampled_from(list(Method)))

    def at(minutes: float) -> Fact:
        said = replace(
            provenance(extractor or "somebody", minutes),
            method=method,
            extractor=extractor,
            reference=reference,
            polarity=polarity,
        )
        return Fact(
            id=f"f{minutes}",
            subject=service(subject),
            relation=relation,
            object=service(target),
            statement=f"{subject} {relation} {target}",
            recorded_at=after(minutes),
            valid_from=after(minutes - 1),
            valid_to=after(minutes + 0.5) if ended else None,
            attributes={"k": subject},
            provenance=(said,),
        )

    return at


def _names_one(name: str) -> Step:
    def do(database: Database, now: float) -> None:
        node = Node(urn=service(name), kind=NodeKind.SERVICE, name=name, title=HOSTILE, seen_at=after(now))
        database.graph.save_node(replace(node, retired_at=after(now) if int(now) % 3 == 0 else None))
        database.graph.add_alias("k8s.deployment", f"{name}-{int(now) % 4}", node.urn)
        database.graph.count_use(node.urn, incident_id="inc_1", useful=True, at=after(now))

    return do


def _takes_back(number: int) -> Step:
    def do(database: Database, now: float) -> None:
        believed = database.graph.facts(as_told=True)
        if believed:
            database.graph.retract(believed[number % len(believed)].id, after(now))

    return do


def _replaces(number: int, make: Callable[[float], Fact]) -> Step:
    def do(database: Database, now: float) -> None:
        believed = database.graph.facts(as_told=True)
        if believed:
            database.graph.supersede(believed[number % len(believed)].id, make(now))

    return do


def _merges(one: str, other: str) -> Step:
    def do(database: Database, now: float) -> None:
        with suppress(ConflictError):
            database.curation.merge(
                Merge(source=service(one), target=service(other), at=after(now), actor="ann", reason=HOSTILE)
            )

    return do


def _parts(one: str) -> Step:
    def do(database: Database, now: float) -> None:
        with suppress(NotFoundError):
            database.curation.unmerge(service(one), at=after(now))

    return do


def _says(make: Callable[[float], Fact]) -> Step:
    def do(database: Database, now: float) -> None:
        database.graph.assert_fact(make(now))

    return do


def _withdraws(extractor: str) -> Step:
    def do(database: Database, now: float) -> None:
        database.curation.withdraw(*extractor.split("@"), at=after(now))

    return do


def _restores(database: Database, now: float) -> None:
    database.curation.restore("traces", at=after(now))


def _trusts(database: Database, now: float) -> None:
    database.graph.set_trust("s", Trust.SHADOW, reason=HOSTILE, at=after(now))


NAME, NUMBER = st.sampled_from(NAMES), st.integers(0, 20)
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(_says, facts()),
    st.builds(_says, facts()),
    st.builds(_names_one, NAME),
    st.builds(_takes_back, NUMBER),
    st.builds(_replaces, NUMBER, facts()),
    st.builds(_merges, NAME, NAME),
    st.builds(_parts, NAME),
    st.builds(_withdraws, st.sampled_from(EXTRACTORS[:3])),
    st.just(_restores),
    st.just(_trusts),
)


def same(one: Database, other: Database, moments: int) -> None:
    """What either is asked, now and as of each moment, it answers alike."""
    for moment in (None, *(after(number + 0.25) for number in range(moments))):
        for name in NAMES[:3]:
            left, right = (
                each.graph.neighborhood(
                    service(name), relations=RELATIONS, hops=2, known_at=moment, true_at=moment
                )
                for each in (one, other)
            )
            assert left == right
        assert one.graph.facts(known_at=moment) == other.graph.facts(known_at=moment)
    assert conflicts(one.graph.facts()) == conflicts(other.graph.facts())
    assert one.graph.nodes(retired=True) == other.graph.nodes(retired=True)
    assert one.graph.uses() == other.graph.uses()
    assert one.graph.resolve("k8s.deployment", "cart-1") == other.graph.resolve("k8s.deployment", "cart-1")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=1, max_size=14))
def test_an_export_read_into_an_empty_graph_loses_nothing(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one, other = (opened(f"sqlite:///{Path(folder) / name}.db") for name in ("one", "other"))
        try:
            for database in (one, other):
                database.migrate()
            for number, step in enumerate(steps):
                step(one, float(number))
            first = list(lines(one.archive.records()))
            other.archive.load(read(first, file="export"))
            assert list(lines(other.archive.records())) == first
            same(one, other, len(steps))
            other.curation.restore("traces", at=after(100))
            one.curation.restore("traces", at=after(100))
            assert list(lines(other.archive.records())) == list(lines(one.archive.records()))
        finally:
            one.close()
            other.close()

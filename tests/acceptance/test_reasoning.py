"""A model beside the engine: it helps where the engine is unsure, and whatever it says, it does no harm."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.acceptance.thinking_case import POOL, Hidden, Thinking, blames, measured
from tests.attacks.production import AUTO, template
from tests.doubles.behaviors import failing, garbled, helpful, looping, lying, malformed, scripted, slow
from tests.doubles.model_server import ModelServer, model_server

from autoheal.domain.incident import Outcome
from autoheal.domain.investigation import VerdictKind
from autoheal.healing.trace import compose, rebuild_verdict
from autoheal.ports.runs import Json
from autoheal.reasoning.settings import ReasoningSettings
from autoheal.sandbox.model.conversation import Behavior, Prompt, Reply, answered
from autoheal.sandbox.model.obedient import obedient

ALWAYS = ReasoningSettings(investigate=("double",), when="always", seconds=20)
UNSURE = ReasoningSettings(investigate=("double",), seconds=20)
HELPFUL = helpful(blames("payments", mechanism="resource_exhaustion"), asks=POOL)
Start = Callable[..., tuple[Thinking, ModelServer]]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty memory to copy."""
    return template(tmp_path_factory.mktemp("origin") / "home")


@pytest.fixture
def start(tmp_path: Path, origin: Path) -> Iterator[Start]:
    """A case whose Autoheal asks a model that behaves in a given way."""
    stack = ExitStack()

    def started(
        behavior: Behavior, case: type[Thinking] = Hidden, reasoning: ReasoningSettings = UNSURE
    ) -> tuple[Thinking, ModelServer]:
        folder = tmp_path / f"case-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(origin, folder)
        server = stack.enter_context(model_server(behavior))
        made = case(folder, policy=AUTO, server=server, reasoning=reasoning)
        stack.callback(made.close)
        return made, server

    with stack:
        yield started


def _paths(case: Thinking) -> str:
    return "\n".join(line for look in case.investigations() for line in look.path)


@pytest.mark.criterion(20)
def test_a_model_finds_with_more_queries_what_the_engine_left_open(start: Start) -> None:
    case, _ = start(HELPFUL)
    incident = case.heal()
    assert (incident.outcome, case.done()) == (Outcome.MITIGATED_BY_US, ["restart payments"])
    first, second = case.investigations()
    assert first.verdict.kind is VerdictKind.INCONCLUSIVE
    leading = second.leading
    assert leading is not None
    assert (leading.entity, leading.author) == ("payments", "model:double")
    stored = {e.id: e for e in case.database.incidents.evidence_of(incident.id)}
    for claim in leading.claims_for:
        for reading in claim.readings:
            assert stored[reading.evidence_id].stage == "reason"
            rows = case.database.incidents.rows(reading.evidence_id)
            assert reading.recompute(rows) == pytest.approx(reading.value)
    trace = compose(second, list(stored.values()))
    assert rebuild_verdict(trace) == "cause: payments: resource exhaustion"


def test_the_same_incident_without_a_model_needs_a_person(start: Start) -> None:
    case, server = start(HELPFUL, reasoning=ReasoningSettings(investigate=("double",), when="never"))
    assert case.heal().outcome is Outcome.ESCALATED
    assert (case.done(), server.prompts) == ([], [])


def test_what_a_model_cost_stands_in_the_ledger_and_in_the_trace(start: Start) -> None:
    case, server = start(HELPFUL)
    incident = case.heal()
    paid = [entry for entry in case.database.incidents.costs(incident.id) if entry.tokens_input]
    assert [entry.tokens_input for entry in paid] == [prompt.tokens for prompt in server.prompts]
    assert all(entry.backend == "double" and entry.dollars > 0 for entry in paid)
    assert "model double asked: the engine is unsure" in _paths(case)
    assert f"{sum(entry.tokens_input for entry in paid)} input tokens" in _paths(case)


@pytest.mark.criterion(21)
def test_a_model_that_alters_its_numbers_is_refused_and_nothing_is_done(start: Start) -> None:
    case, server = start(lying(HELPFUL))
    incident = case.heal()
    assert server.prompts
    assert (incident.outcome, case.done()) == (Outcome.ESCALATED, [])
    assert all(h.author == "engine" for look in case.investigations() for h in look.hypotheses)


def _invented(prompt: Prompt) -> Mapping[str, Json]:
    claims: list[Json] = [
        {**claim, "evidence_id": "ev_99999999999999999999999999"} for claim in measured(prompt, "checkout")
    ]
    cause: dict[str, Json] = {"entity": "checkout", "mechanism": "errors", "claims_for": claims}
    return {"kind": "cause", "hypotheses": [{**cause, "confidence": 1.0}]}


@pytest.mark.criterion(21)
@pytest.mark.parametrize(
    "behavior",
    [
        helpful(_invented),
        helpful(blames("the-database")),
        helpful(blames("payments", change="deploy-of-nobody")),
        helpful(blames("gateway")),
    ],
    ids=[
        "evidence that is not there",
        "a service that is not there",
        "a change that is not there",
        "a victim",
    ],
)
def test_what_does_not_stand_is_never_acted_on(start: Start, behavior: Behavior) -> None:
    case, _ = start(behavior)
    case.heal()
    looks = case.investigations()
    assert not any(look.leading for look in looks)
    assert case.done() == []


@pytest.mark.criterion(130)
@pytest.mark.parametrize(
    "behavior",
    [
        malformed,
        garbled,
        failing(HELPFUL, status=500),
        scripted(Reply(text="I think all is well.")),
        obedient,
    ],
    ids=["malformed", "garbled", "failing", "chatty", "obedient"],
)
def test_a_model_that_is_no_help_leaves_the_engine_alone_and_the_reason_on_the_incident(
    start: Start, behavior: Behavior
) -> None:
    case, server = start(behavior)
    incident = case.heal()
    assert server.prompts
    assert (incident.outcome, case.done()) == (Outcome.ESCALATED, [])
    assert len(case.pager.pages) == 1
    notes = [e.text for e in case.database.incidents.timeline(incident.id)]
    assert any("second opinion of double" in note for note in notes)


@pytest.mark.criterion(28)
def test_a_model_that_never_ends_is_ended_at_the_limit(start: Start) -> None:
    limited = UNSURE.model_copy(update={"tool_calls": 5, "input_tokens": 30_000})
    case, server = start(looping, reasoning=limited)
    case.heal()
    assert sum(prompt.tokens for prompt in server.prompts) <= 30_000
    assert "limit" in _paths(case)
    assert case.done() == []


@pytest.mark.criterion(28)
def test_a_model_that_is_too_slow_is_not_waited_for(start: Start) -> None:
    case, _ = start(slow(HELPFUL, seconds=5), reasoning=UNSURE.model_copy(update={"seconds": 0.5}))
    assert case.heal().outcome is Outcome.ESCALATED
    assert "limit: the limit of 0.5 seconds; the engine's finding stands" in _paths(case)


def test_a_model_may_say_that_it_does_not_know_and_what_is_missing(start: Start) -> None:
    answer: dict[str, Json] = {"kind": "inconclusive", "missing": ["the logs of payments"]}
    case, _ = start(lambda prompt: answered(prompt, answer))
    assert case.heal().outcome is Outcome.ESCALATED
    assert "says the model: the logs of payments" in case.investigations()[1].verdict.missing


def test_a_sure_engine_asks_nobody(start: Start) -> None:
    case, server = start(HELPFUL, case=Thinking)
    assert case.heal().outcome is Outcome.MITIGATED_BY_US
    assert server.prompts == []


@pytest.mark.parametrize("entity", ["gateway", "payments", "search"])
def test_a_model_that_contradicts_a_sure_engine_changes_nothing(start: Start, entity: str) -> None:
    case, server = start(helpful(blames(entity)), case=Thinking, reasoning=ALWAYS)
    assert case.heal().outcome is Outcome.MITIGATED_BY_US
    assert server.prompts
    assert case.done() == ["rollback checkout"]
    leading = case.investigations()[0].leading
    assert leading is not None
    assert leading.author == "engine"


def test_each_prompt_begins_with_the_one_before(start: Start) -> None:
    case, server = start(HELPFUL)
    case.heal()
    first, *later = server.prompts
    assert len(later) == len(POOL)
    read = sum(prompt.tokens for prompt in later)
    assert sum(prompt.cached_tokens for prompt in later) >= 0.6 * read
    assert first.tokens < 6_000

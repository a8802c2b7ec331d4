"""A skill answers only where its own diagnosis holds on what is measured now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.errors import ConfigError
from autoheal.domain.evidence import Row
from autoheal.domain.investigation import Mechanism
from autoheal.domain.mitigation import ActionKind
from autoheal.domain.skill import MOST_QUERIES, DecisionRule, DiagnosisStep, Match, Matcher, Skill, Trust
from autoheal.graph.skill_tools import bound
from autoheal.healing.check_claims import objection_to
from autoheal.healing.gather import Gatherer, Sources
from autoheal.healing.recall import NotRecalled, Recalled, Situation, recall
from autoheal.healing.settings import HealingSettings
from autoheal.healing.skill_run import Moment
from autoheal.integrations.memory.changes import MemoryChanges
from autoheal.integrations.memory.incidents import MemoryIncidents
from autoheal.integrations.memory.logs import MemoryLogs
from autoheal.integrations.memory.machine import MemoryClock, MemoryIds
from autoheal.integrations.memory.metrics import MemoryMetrics

ALERTED = 1_700_001_000.0
NOW = ALERTED + 20
CALLS = (("web", "checkout"), ("checkout", "cart"), ("checkout", "stock"))
SERVICES = ("web", "checkout", "cart", "stock")
ERRORS = DiagnosisStep(
    id="errors",
    tool="metrics.range",
    arguments={"query": "max by (service) (error_ratio)", "service": "$service"},
    save="errors",
    stop_if="errors < 0.05",
)
DEPLOYED = DiagnosisStep(
    id="deployed",
    tool="changes.recent",
    arguments={"service": "$service", "kind": "deploy", "within": "10m"},
    save="change",
)
SKILL = Skill(
    name="errors-after-deploy",
    version=1,
    description="x",
    match=Match(alerts=((Matcher(label="alertname", operator="=", value="HighErrorRate"),),)),
    inputs={"service": "^x$"},
    diagnose=(ERRORS, DEPLOYED),
    decide=(
        DecisionRule(
            when="errors > 0.1 && errors > 3 * errors_before && change.found",
            failure_mode="deploy",
            mitigate="rollback",
            confidence=0.9,
        ),
    ),
    mitigations={"rollback": "rollback"},
    verify_expression="x",
    verify_stable_seconds=60,
    verify_within_seconds=600,
    trust=Trust.ASSISTED,
)


class Production:
    """Four services; `break_` makes one fail, and with it everyone who calls it."""

    def __init__(self) -> None:
        self.metrics = MemoryMetrics()
        self.logs = MemoryLogs()
        self.changes = MemoryChanges()
        self.incidents = MemoryIncidents()
        self.sick: dict[str, float] = {}

    def sicken(self, *services: str, ratio: float = 0.6) -> None:
        """From shortly before the alarm on these services answer so many requests with errors."""
        self.sick |= dict.fromkeys(services, ratio)

    def deploy(self, service: str, *, ago: float = 30.0) -> None:
        """A deploy of the service, some seconds before the alarm."""
        self.changes.add(
            Change(id=f"d-{service}", kind=ChangeKind.DEPLOY, entity=service, time=ALERTED - ago, title="v2")
        )

    def recall(
        self, *skills: Skill, alertname: str = "HighErrorRate", services: Sequence[str] = ("web",)
    ) -> Recalled | NotRecalled:
        """What memory says of an alert on these services."""
        times = range(int(NOW) - 900, int(NOW) + 1, 5)
        for service in SERVICES:
            after = self.sick.get(service, 0.01)
            samples = [(t, after if t > ALERTED - 20 else 0.01) for t in times]
            self.metrics.add("error_ratio", {"service": service}, samples)
        gatherer = Gatherer(
            sources=Sources(metrics=self.metrics, logs=self.logs, changes=(self.changes,)),
            incidents=self.incidents,
            clock=MemoryClock(at=datetime.fromtimestamp(NOW, tz=UTC)),
            ids=MemoryIds(),
        ).for_stage("inc_1", "recall")
        situation = Situation(
            incident_id="inc_1",
            alerts=[{"alertname": alertname, "service": name} for name in services],
            services=services,
            origin=None,
            signature="",
            calls=CALLS,
            moment=Moment(alerted=ALERTED, now=NOW),
        )
        return recall(situation, skills, gatherer, HealingSettings())


@pytest.fixture
def production() -> Production:
    return Production()


@pytest.mark.parametrize("culprit", ["cart", "stock"])
def test_the_service_for_which_the_diagnosis_holds_is_named_whichever_it_is(
    production: Production, culprit: str
) -> None:
    production.sicken("web", "checkout", culprit)
    production.deploy(culprit)
    found = production.recall(SKILL)
    assert isinstance(found, Recalled)
    assert (found.service, found.mitigation) == (culprit, ActionKind.ROLLBACK)
    assert found.hypothesis.mechanism is Mechanism.DEPLOY
    assert found.hypothesis.change_id == f"d-{culprit}"
    assert found.hypothesis.author == "skill:errors-after-deploy@1"


def test_every_number_it_claims_follows_from_stored_rows(production: Production) -> None:
    production.sicken("web", "checkout", "cart")
    production.deploy("cart")
    found = production.recall(SKILL)
    assert isinstance(found, Recalled)
    asked = production.incidents.evidence_of("inc_1")
    evidence = {item.id: item for item in asked}
    rows = {item.id: production.incidents.rows(item.id) for item in asked}
    claims = found.hypothesis.claims_for
    assert [objection_to(claim, evidence, rows) for claim in claims] == [None, None]
    assert len({reading.subject for claim in claims for reading in claim.readings}) == 2
    assert len(asked) == 2


@pytest.mark.criterion(61)
def test_an_unrelated_alert_asks_nothing_and_recalls_nothing(production: Production) -> None:
    production.sicken("cart")
    production.deploy("cart")
    found = production.recall(SKILL, alertname="DiskFull")
    assert isinstance(found, NotRecalled)
    assert production.incidents.evidence_of("inc_1") == []


@pytest.mark.criterion(61)
def test_an_over_broad_skill_does_not_answer_for_what_was_true_before(production: Production) -> None:
    broad = replace(SKILL, decide=(replace(SKILL.decide[0], when="errors >= 0 && change.found"),))
    broad = replace(broad, diagnose=(replace(ERRORS, stop_if=""), DEPLOYED))
    production.deploy("cart")
    found = production.recall(broad)
    assert isinstance(found, NotRecalled)
    assert any("held before the alarm too" in line for line in found.path)


@pytest.mark.criterion(61)
def test_an_over_broad_skill_that_holds_for_several_does_not_answer(production: Production) -> None:
    rule = replace(SKILL.decide[0], when="errors > 0.1")
    broad = replace(SKILL, diagnose=(ERRORS,), decide=(rule,))
    production.sicken("web", "checkout", "cart", "stock")
    found = production.recall(broad)
    assert isinstance(found, NotRecalled)
    assert any("does not tell them apart" in line for line in found.path)


@pytest.mark.criterion(59)
def test_evidence_that_contradicts_a_skill_wins_and_the_skill_is_named(production: Production) -> None:
    production.sicken("web", "checkout", "cart")
    found = production.recall(SKILL)
    assert isinstance(found, NotRecalled)
    assert found.contradicted == ("errors-after-deploy@1",)
    assert any("on cart: no rule holds" in line for line in found.path)


def test_a_decoy_deploy_of_a_healthy_service_is_not_blamed(production: Production) -> None:
    production.sicken("web", "checkout", "cart")
    production.deploy("stock")
    assert isinstance(production.recall(SKILL), NotRecalled)


def test_an_old_deploy_is_not_blamed(production: Production) -> None:
    production.sicken("web", "checkout", "cart")
    production.deploy("cart", ago=1_200)
    assert isinstance(production.recall(SKILL), NotRecalled)


@pytest.mark.parametrize("source", ["metrics", "changes"])
def test_a_source_that_is_down_recalls_nothing(production: Production, source: str) -> None:
    production.sicken("web", "checkout", "cart")
    production.deploy("cart")
    getattr(production, source).broken = "timeout"
    assert isinstance(production.recall(SKILL), NotRecalled)


def test_a_skill_in_the_shadow_is_run_and_does_not_answer(production: Production) -> None:
    production.sicken("cart")
    production.deploy("cart")
    found = production.recall(replace(SKILL, trust=Trust.SHADOW))
    assert isinstance(found, NotRecalled)
    assert [(said.service, said.mitigation) for said in found.shadows] == [("cart", ActionKind.ROLLBACK)]


def test_a_candidate_is_not_even_run(production: Production) -> None:
    production.sicken("cart")
    production.deploy("cart")
    found = production.recall(replace(SKILL, trust=Trust.CANDIDATE))
    assert isinstance(found, NotRecalled)
    assert production.incidents.evidence_of("inc_1") == []


def test_log_lines_are_counted_now_and_before(production: Production) -> None:
    step = DiagnosisStep(
        id="logs",
        tool="logs.count",
        arguments={"service": "$service", "contains": "QueuePool limit"},
        save="lines",
    )
    rule = replace(SKILL.decide[0], when="lines >= 3 && lines > 2 * lines_before", mitigate="rollback")
    skill = replace(SKILL, diagnose=(step,), decide=(rule,))
    said = [
        Row(time=NOW - 3 * n - 1, entity="cart", subject=f"t{n}", value=1, text="x QueuePool limit 5")
        for n in range(3)
    ]
    calm = [Row(time=NOW - 10, entity=s, subject="t", value=1, text="fine") for s in SERVICES]
    production.logs.add(*said, *calm)
    found = production.recall(skill)
    assert isinstance(found, Recalled)
    assert found.service == "cart"
    assert found.hypothesis.claims_for[0].text == '"lines" of "cart" is 3, 0 before'


def test_the_budget_ends_a_recall(production: Production) -> None:
    query = 'error_ratio{service="$service"}'
    steps = tuple(
        DiagnosisStep(id=f"s{n}", tool="metrics.range", arguments={"query": f"{query} + {n}"}, save=f"s{n}")
        for n in range(12)
    )
    greedy = replace(SKILL, diagnose=steps, decide=(replace(SKILL.decide[0], when="s0 > 99"),))
    found = production.recall(greedy)
    assert isinstance(found, NotRecalled)
    assert len(production.incidents.evidence_of("inc_1")) == MOST_QUERIES
    assert any("not used" in line for line in found.path)


def test_a_skill_asks_no_more_than_its_own_budget(production: Production) -> None:
    query = 'error_ratio{service="$service"}'
    steps = tuple(
        DiagnosisStep(id=f"s{n}", tool="metrics.range", arguments={"query": f"{query} + {n}"}, save=f"s{n}")
        for n in range(12)
    )
    rule = replace(SKILL.decide[0], when="s0 > 99")
    found = production.recall(replace(SKILL, diagnose=steps, decide=(rule,), max_queries=3))
    assert isinstance(found, NotRecalled)
    assert len(production.incidents.evidence_of("inc_1")) == 3
    with pytest.raises(ValueError, match="budget"):
        replace(SKILL, max_queries=MOST_QUERIES + 1)


@pytest.mark.parametrize("name", ['x"} or up', "", "a b", "x\n", "é", "a" * 101, "$service"])
def test_no_name_but_a_plain_one_reaches_a_query(name: str) -> None:
    with pytest.raises(ConfigError, match="no service name"):
        bound('up{service="$service"}', name)

"""Planted secrets never leave: not into evidence, notes, pages or proposals, nor shown with a delivery."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random  # noqa: TID251  seeded below

import pytest
from tests.attacks.leaks import RAW, kept
from tests.attacks.production import AUTO, CULPRIT, Planted, Shop, shop, template
from tests.doubles.behaviors import helpful
from tests.doubles.model_server import model_server
from tests.unit.policy.secrets_made import NAMED, SHAPED, passphrase
from tests.unit.surfaces.stage import alert, browser, stage

from autoheal.domain.mitigation import ActionKind
from autoheal.domain.proposal import ProposalState
from autoheal.policy.policy import Mode, Policy
from autoheal.ports.runs import Json
from autoheal.sandbox.model.conversation import Call, Prompt

OBSERVE = Policy(mode=Mode.OBSERVE)
"""Nothing may be done, so a person is paged with all that is known."""


class Canaries:
    """Secrets made for one run, each planted in a text that a real system would write."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)  # noqa: S311  dice for a test
        self.secrets: list[str] = []

    def lines(self) -> tuple[str, ...]:
        """Each kind in a line of its own."""
        shaped = [f"request failed for {self._noted(made(self._rng))}" for made in SHAPED.values()]
        return (*shaped, *(form.format(self._noted(passphrase(self._rng))) for form in NAMED))

    def text(self) -> str:
        """A few kinds in one sentence, as a person or program would write them."""
        kinds = self._rng.sample(sorted(SHAPED.items()), 5)
        said = ", ".join(f"{name} {self._noted(made(self._rng))}" for name, made in kinds)
        return f"saw {said}; password={self._noted(passphrase(self._rng))}"

    def _noted(self, secret: str) -> str:
        # A key over several lines is looked for by its middle: the lines around it are no secret.
        self.secrets.append(secret.split("\n")[1] if "\n" in secret else secret)
        return secret


LOOKS = [
    Call(name="logs", arguments={"service": CULPRIT}),
    Call(name="logs", arguments={"service": CULPRIT, "contains": "request failed"}),
    Call(name="spans", arguments={"service": CULPRIT}),
    Call(name="change", arguments={"change_id": "deploy-checkout-2"}),
]
"""A model that looks wherever something is planted."""


def _answer(prompt: Prompt) -> Mapping[str, Json]:
    del prompt
    return {"kind": "inconclusive", "missing": ["nothing"]}


def _planted(canaries: Canaries) -> Planted:
    return Planted(
        logs=canaries.lines(),
        labels={"customer": canaries.text(), "api_token": passphrase(Random(3))},  # noqa: S311  dice for a test
        annotations={"summary": canaries.text(), "description": canaries.text(), "runbook": canaries.text()},
        commit_title=f"Use {canaries.text()}",
        commit_diff=f"-    old\n+    key = '{canaries.text()}'\n",
        span=canaries.text(),
    )


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty memory to copy."""
    return template(tmp_path_factory.mktemp("origin") / "home")


def _suffered(folder: Path, origin: Path, planted: Planted, policy: Policy) -> Shop:
    with model_server(helpful(_answer, asks=LOOKS)) as server:
        hurt = shop(folder, origin, planted, policy=policy, server=server)
        hurt.suffer()
    hurt.close()
    return hurt


@pytest.mark.criterion(120)
@pytest.mark.parametrize("policy", [AUTO, OBSERVE], ids=["healed and learned from", "paged"])
def test_a_planted_secret_stands_nowhere_but_in_the_delivery_as_it_came(
    tmp_path: Path, origin: Path, policy: Policy
) -> None:
    canaries = Canaries(11)
    hurt = _suffered(tmp_path / "shop", origin, _planted(canaries), policy)
    doors = kept(hurt)
    raw = doors.pop(f"table {RAW}")
    assert len(canaries.secrets) > 60
    assert any(secret in raw for secret in canaries.secrets), "the delivery is kept as it came"
    found = [(door, secret) for door, text in doors.items() for secret in canaries.secrets if secret in text]
    assert found == []
    assert bool(hurt.pager.pages) is (policy is OBSERVE)
    assert "[masked:" in doors["table evidence"]
    assert "[masked:" in doors["prompts"], "the model was shown the text without the secret"


@pytest.mark.criterion(120)
def test_masking_hides_no_fault_and_stops_no_lesson(tmp_path: Path, origin: Path) -> None:
    hurt = _suffered(tmp_path / "shop", origin, _planted(Canaries(12)), AUTO)
    assert [effect.action.kind for effect in hurt.actuator.effects] == [ActionKind.ROLLBACK]
    opened = [p for p in hurt.database.proposals.list() if p.state is ProposalState.PROPOSED]
    assert len(opened) >= 2
    assert all(proposal.body for proposal in opened)


@pytest.mark.criterion(120)
def test_who_asks_for_a_delivery_sees_all_of_it_but_its_secrets(tmp_path: Path) -> None:
    app = stage(tmp_path)
    body = alert("HighErrorRate", "checkout", password="hunter-the-second", team="payments")  # noqa: S106  planted
    web = browser(app)
    event = web.send("POST", "/webhooks/alertmanager", content=body).json()["id"]
    shown = web.get(f"/api/v1/deliveries/{event}").content
    assert shown == body.replace(b"hunter-the-second", b"[masked:password]")
    assert app.memory.alerts.event(event).body == body
    app.stop()

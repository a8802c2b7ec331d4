"""One incident's tokens and dollars: what the vendor's wire said is what every surface shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.attacks.production import Planted, shop, template
from tests.doubles.model_server import model_server
from tests.unit.surfaces.stage import browser

from autoheal.app import App
from autoheal.config import Config
from autoheal.domain.person import Role
from autoheal.reports.economics import ModelCost, bill, model_costs
from autoheal.sandbox.attacked.bench import curious
from autoheal.sandbox.model.conversation import Prompt, Reply
from autoheal.sandbox.model.openai_wire import usage
from autoheal.surfaces.cli.incident_page import page
from autoheal.wiring import wire


def _billed(said: Sequence[dict[str, object]]) -> tuple[int, int, int]:
    """Input, cached and output tokens, as the wire said them."""
    read, written = (sum(int(str(one[k])) for one in said) for k in ("prompt_tokens", "completion_tokens"))
    details = [json.loads(json.dumps(one["prompt_tokens_details"])) for one in said]
    return read, sum(detail["cached_tokens"] for detail in details), written


def _suffered(folder: Path, said: list[dict[str, object]]) -> App:
    def thinking(prompt: Prompt) -> Reply:
        reply = replace(curious(prompt), reasoning=37)
        said.append(json.loads(json.dumps(usage(prompt, reply))))
        return reply

    with model_server(thinking) as server:
        hurt = shop(folder / "home", template(folder / "origin"), Planted(), server=server)
        hurt.suffer()
        hurt.close()
    return wire(Config(home=hurt.folder))


@pytest.mark.criterion(100)
def test_every_surface_shows_the_tokens_that_the_wire_billed_and_their_price(tmp_path: Path) -> None:
    said: list[dict[str, object]] = []
    app = _suffered(tmp_path, said)
    read, cached, written = _billed(said)
    dollars = ((read - cached) * 2.0 + cached * 0.2 + written * 10.0) / 1_000_000
    (incident,) = app.incidents()
    file = app.incident(incident.id)
    (cost,) = model_costs(file.costs)
    assert cached > 0
    assert (cost.input, cost.cached, cost.output) == (read, cached, written)
    assert cost.reasoning == 37 * len(said)
    assert cost.dollars == pytest.approx(dollars)
    told = f"input {read} (cached {cached}), output {written} (reasoning {cost.reasoning}), ${dollars:.4f}"
    assert f"  {cost.stage} by {cost.model}: {told}" in page(file)
    assert _row(cost) in _shown(app, incident.id)
    (nth,) = [one for family in app.report().families for one in family.incidents]
    assert (nth.bill.all_tokens, nth.bill.cached_tokens) == (read + written, cached)
    assert nth.bill.dollars == pytest.approx(bill(file.costs).dollars)
    app.stop()


def _row(cost: ModelCost) -> str:
    told = {"Model": cost.model, "Input": cost.input, "Cached": cost.cached, "Output": cost.output}
    told |= {"Reasoning": cost.reasoning, "Dollars": f"{cost.dollars:.4f}"}
    cells = "".join(f'<td data-label="{name}">{value}</td>' for name, value in told.items())
    return f'<th scope="row">{cost.stage}</th>{cells}</tr>'


def _shown(app: App, incident_id: str) -> str:
    token = app.people.add("ann", role=Role.ADMIN, actor="root").token
    return browser(app).get(f"/incidents/{incident_id}", Authorization=f"Bearer {token}").text

"""A regression test is written from recorded requests, and recorded text never becomes code."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping

import pytest

from autoheal.domain.evidence import Row
from autoheal.learning.recorded_requests import Expectation, Request, regression_test, requests_of


def row(attributes: Mapping[str, object], *, entity: str = "cart") -> Row:
    text = json.dumps({"attributes": attributes, "error": False})
    return Row(time=1.0, entity=entity, subject="POST /x", value=3.0, text=text)


GOOD = {"http.request.method": "POST", "url.path": "/x", "http.response.status_code": "200"}


def test_only_server_spans_of_the_service_that_can_be_sent_again_are_taken() -> None:
    rows = [
        row({**GOOD, "http.request.body": '{"a": 1}'}),
        row({"http.method": "GET", "http.target": "/old", "http.status_code": 200}),
        row(GOOD, entity="other"),
        row({**GOOD, "url.path": "http://elsewhere/x"}),
        row({**GOOD, "http.request.body": "not json"}),
        row({"http.request.method": "POST"}),
        Row(time=1.0, entity="cart", subject="x", value=1.0, text="no json"),
    ]
    found = [request for _, request in requests_of(rows, "cart")]
    assert [(r.method, r.path, r.body, r.status) for r in found] == [
        ("POST", "/x", {"a": 1}, 200),
        ("GET", "/old", None, 200),
    ]


@pytest.mark.parametrize(
    "hostile",
    ["'); import os; os.system('x') #", '"""', "\\", "\n\nimport os\n", "{}{0}", "/x'\"\"\"' + exit() + '"],
)
def test_a_hostile_request_stays_a_literal(hostile: str) -> None:
    request = Request(
        method="POST", path=f"/{hostile}", body={hostile: [hostile, None, True]}, status=500, duration_ms=1.0,
        operation=hostile,
    )  # fmt: skip
    expectation = Expectation(
        service="cart", operation=hostile, requests=(request,), status=200, max_ms=None, times=1
    )
    tree = ast.parse(regression_test(expectation, incident_id=f"inc_{hostile}"))
    calls = [
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert calls == ["expect"]
    assert [getattr(node, "module", None) for node in imports] == ["harness"]
    assigned = next(node for node in tree.body if isinstance(node, ast.Assign))
    assert ast.literal_eval(assigned.value) == [
        {"method": "POST", "path": f"/{hostile}", "body": {hostile: [hostile, None, True]}}
    ]

"""The whole engine on a simulated production: which service is named, and when it says nothing broke."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.unit.diagnosis import rig

from autoheal.diagnosis.edge_gaps import EdgeGap
from autoheal.diagnosis.engine import diagnose
from autoheal.diagnosis.finding import Diagnosis, Modality, Remediation, Term
from autoheal.diagnosis.rank import ranked
from autoheal.diagnosis.telemetry import Telemetry
from autoheal.domain.change import Change, ChangeKind
from autoheal.domain.investigation import Mechanism, VerdictKind

FAULTS = {
    "slow catalog": (rig.slow("catalog"), "catalog"),
    "slow payment": (rig.slow("payment"), "payment"),
    "failing stock": (rig.failing("stock"), "stock"),
    "failing checkout": (rig.failing("checkout"), "checkout"),
    "killed payment": (rig.killed("payment"), "payment"),
    "killed catalog": (rig.killed("catalog"), "catalog"),
    "crash looping payment": (rig.crash_looping("payment"), "payment"),
    "starved catalog": (rig.starved("catalog"), "catalog"),
    "leaking checkout": (rig.leaking("checkout"), "checkout"),
    "locked database": (rig.locked, "db"),
    "missing index": (rig.unindexed, "db"),
    "drained pool": (rig.drained_pool("stock"), "stock"),
    "traffic surge": (rig.surge, "gateway"),
}


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize("name", sorted(FAULTS))
def test_the_faulty_entity_is_named_first(name: str, seed: int) -> None:
    fault, truth = FAULTS[name]
    found = diagnose(rig.telemetry(fault, seed=seed))
    assert (found.verdict, found.ranking[0].entity) == (VerdictKind.CAUSE, truth)


@pytest.mark.parametrize("seed", range(3))
def test_a_calm_window_is_noise(seed: int) -> None:
    found = diagnose(rig.telemetry(seed=seed))
    assert found.verdict is VerdictKind.NOISE
    assert found.remediation is None


def test_the_onset_is_found_within_two_samples() -> None:
    found = diagnose(rig.telemetry(rig.slow("catalog"), lasting=40))
    assert found.onset is not None
    assert abs(found.onset - rig.T0) <= 4.0


def test_a_score_is_the_sum_of_its_terms() -> None:
    found = diagnose(rig.telemetry(rig.failing("stock")))
    for cause in found.ranking:
        assert cause.score == pytest.approx(sum(term.points for term in cause.terms))


def test_a_metric_term_states_medians_that_the_rows_give_again() -> None:
    telemetry = rig.telemetry(rig.slow("catalog"))
    terms = [t for c in diagnose(telemetry).ranking for t in c.terms if t.modality is Modality.METRICS]
    assert terms
    for term in terms:
        rows = telemetry.metrics.filter(
            (pl.col("entity") == term.entity) & (pl.col("metric") == term.subject)
        )
        for window, stated in ((term.before_window, term.before), (term.after_window, term.after)):
            assert window is not None
            inside = rows.filter(pl.col("time").is_between(window.start, window.end))
            assert inside["value"].median() == pytest.approx(stated)


def test_renaming_every_entity_changes_nothing_but_names() -> None:
    telemetry = rig.telemetry(rig.slow("payment"))
    plain = diagnose(telemetry)
    renamed = diagnose(_renamed(telemetry))
    assert [_new_name(cause.entity) for cause in plain.ranking[:3]] == [c.entity for c in renamed.ranking[:3]]
    assert [cause.score for cause in plain.ranking[:3]] == pytest.approx(
        [cause.score for cause in renamed.ranking[:3]]
    )


def _new_name(name: str) -> str:
    return f"x{sum(map(ord, name))}"


def _renamed(telemetry: Telemetry) -> Telemetry:
    names = {name: _new_name(name) for name in (*rig.SERVICES, "db")}
    column = pl.col("entity").replace(names)
    assert telemetry.logs is not None
    assert telemetry.spans is not None
    return replace(
        telemetry,
        alert_entity=names["gateway"],
        metrics=telemetry.metrics.with_columns(column),
        logs=telemetry.logs.with_columns(column),
        spans=telemetry.spans.with_columns(column),
        topology=tuple((names[a], names[b]) for a, b in telemetry.topology),
    )


def test_the_same_input_gives_the_same_diagnosis() -> None:
    telemetry = rig.telemetry(rig.failing("payment"))
    assert diagnose(telemetry) == diagnose(telemetry)


def test_crash_load_and_exhaustion_are_told_apart() -> None:
    told = {
        name: diagnose(rig.telemetry(FAULTS[name][0], seed=21)).ranking[0].mechanism
        for name in ("killed payment", "traffic surge", "starved catalog", "failing stock")
    }
    assert told == {
        "killed payment": Mechanism.CRASH,
        "traffic surge": Mechanism.LOAD,
        "starved catalog": Mechanism.RESOURCE_EXHAUSTION,
        "failing stock": Mechanism.ERRORS,
    }


BAD_DIFF = """\
@@ stock/reserve.py @@ def reserve(order):
-    if order is None or not order.lines:
-        return None
-    row = stock.get(order.sku)
+    row = stock[order.sku]
"""


def _deploy(name: str, entity: str, seconds: float, diff: str = "") -> Change:
    files = (f"{entity}/code.py",) if diff else ()
    return Change(
        id=name,
        kind=ChangeKind.DEPLOY,
        entity=entity,
        time=rig.T0 + seconds,
        title=name,
        diff=diff,
        files=files,
    )


def test_the_bad_deploy_is_blamed_and_the_decoys_are_refuted() -> None:
    changes = (
        _deploy("bad", "stock", -4, BAD_DIFF),
        _deploy("decoy", "catalog", -2, BAD_DIFF),
        _deploy("late", "stock", 12, BAD_DIFF),
    )
    found = diagnose(rig.telemetry(rig.failing("stock", text="ERROR KeyError: sku"), changes=changes))
    by_id = {change.id: change for change in found.changes}
    assert found.changes[0].id == "bad"
    assert found.changes[0].score >= 0.5
    assert not found.changes[0].refuted
    assert "its own service shows no symptom of its own" in by_id["decoy"].refuted
    assert "came after onset" in by_id["late"].refuted
    assert found.remediation is Remediation.ROLLBACK
    assert found.ranking[0].mechanism is Mechanism.DEPLOY


def test_what_was_taken_back_and_what_takes_it_back_are_not_blamed() -> None:
    back = BAD_DIFF.translate(str.maketrans("+-", "-+"))
    changes = (_deploy("made", "stock", -90, BAD_DIFF), _deploy("reverted", "stock", -40, back))
    found = diagnose(rig.telemetry(rig.failing("stock", text="ERROR KeyError: sku"), changes=changes))
    by_id = {change.id: change for change in found.changes}
    assert by_id["made"].refuted == ("it was taken back before the onset",)
    assert by_id["reverted"].refuted == ("it takes back an earlier change",)
    assert found.remediation is not Remediation.ROLLBACK


RENAMED = """--- a/stock/code.py
+++ b/stock/code.py
@@ -1,3 +1,3 @@
 def amount(item):
-    return {"amount_left": left(item)}
+    return {"units_left": left(item)}
"""


def test_a_callee_is_blamed_where_its_callers_miss_what_its_change_took_away() -> None:
    changes = (_deploy("renames", "stock", -2, RENAMED), _deploy("decoy", "payment", -3, BAD_DIFF))
    fault = rig.failing("checkout", share=0.9, text="ERROR unhandled KeyError: 'amount_left' at code.py:12")
    found = diagnose(rig.telemetry(fault, changes=changes))
    first = found.ranking[0]
    assert (first.entity, first.mechanism) == ("stock", Mechanism.DEPLOY)
    assert found.changes[0].id == "renames"
    broken = [term for term in first.terms if term.name == "broken_contract"]
    assert {term.seen_at for term in broken} == {"checkout"}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_deploy("renames", "stock", -2, RENAMED), "ERROR unhandled KeyError: 'sku' at code.py:12"),
        (
            _deploy("elsewhere", "payment", -2, RENAMED.replace("left", "due")),
            "ERROR KeyError: 'amount_left'",
        ),
        (_deploy("keeps", "stock", -2, RENAMED.replace("units_left", "amount_left")), "ERROR 'amount_left'"),
    ],
)
def test_without_that_name_the_failing_caller_itself_is_blamed(change: Change, text: str) -> None:
    found = diagnose(rig.telemetry(rig.failing("checkout", share=0.9, text=text), changes=(change,)))
    assert found.ranking[0].entity == "checkout"


def test_lines_after_a_silence_are_new_only_where_the_silence_is_known() -> None:
    telemetry = rig.telemetry(rig.failing("stock", text="ERROR no such sku"))
    assert telemetry.logs is not None
    late = replace(telemetry, logs=telemetry.logs.filter(pl.col("message") == "ERROR no such sku"))
    known = replace(late, logs_from=late.start)

    def new_lines(diagnosis: Diagnosis) -> list[str]:
        terms = (term for cause in diagnosis.ranking for term in cause.terms)
        return [term.entity for term in terms if term.name == "new_lines"]

    assert new_lines(diagnose(late)) == []
    assert new_lines(diagnose(known)) == ["stock"]


def test_a_process_that_stalls_is_told_from_a_network_that_delays() -> None:
    old = np.full(30, 1.0)
    delayed = EdgeGap(
        caller="a", callee="b", subject="call b", seen_at="a", points=1.0, old=old, new=np.full(20, 60.0)
    )
    stalled = replace(delayed, new=np.sort(np.where(np.arange(20) % 3, 400.0, 1.2)))
    few = replace(delayed, new=np.array([1.0, *np.full(9, 900.0)]))
    assert (delayed.stalls, stalled.stalls, few.stalls) == (False, True, False)


def test_a_configuration_change_at_the_failing_service_is_restored() -> None:
    change = Change(
        id="cfg",
        kind=ChangeKind.CONFIG,
        entity="payment",
        time=rig.T0 - 3,
        title="tune pool",
        diff="-pool_size: 10\n+pool_size: 1\n",
        files=("payment/settings.yaml",),
    )
    found = diagnose(rig.telemetry(rig.slow("payment"), changes=(change,)))
    assert (found.changes[0].id, found.remediation) == ("cfg", Remediation.RESTORE_CONFIG)


def test_a_deploy_in_a_calm_window_is_not_blamed() -> None:
    found = diagnose(rig.telemetry(changes=(_deploy("quiet", "stock", -4, BAD_DIFF),)))
    assert found.verdict is VerdictKind.NOISE
    assert found.changes[0].score < 0.5


def test_without_spans_and_logs_the_cause_is_still_found_and_the_lack_is_said() -> None:
    telemetry = replace(rig.telemetry(rig.slow("catalog")), spans=None, logs=None)
    found = diagnose(telemetry)
    assert found.ranking[0].entity == "catalog"
    assert found.missing == ("logs", "spans")


def test_a_source_that_failed_lowers_the_confidence() -> None:
    telemetry = rig.telemetry(rig.failing("stock"))
    whole = diagnose(telemetry).confidence
    partial = diagnose(replace(telemetry, missing=("spans: timed out",)))
    assert partial.confidence < whole
    assert "spans: timed out" in partial.missing


def _broken(telemetry: Telemetry) -> dict[str, Telemetry]:
    metrics = telemetry.metrics
    assert telemetry.logs is not None
    first = telemetry.logs.head(1)
    junk = pl.concat(
        [
            first.with_columns(
                pl.lit("\x00\x1b[31m\udcff?".encode("utf-8", "replace").decode()).alias("message")
            )
        ]
        * 50
    )
    return {
        "no metrics": replace(telemetry, metrics=metrics.clear()),
        "all NaN": replace(telemetry, metrics=metrics.with_columns(pl.lit(float("nan")).alias("value"))),
        "one sample": replace(telemetry, metrics=metrics.head(1), spans=None, logs=None),
        "one moment": replace(telemetry, metrics=metrics.filter(pl.col("time") == metrics["time"][0])),
        "cyclic topology": replace(
            telemetry, topology=(("a", "b"), ("b", "a"), ("a", "a"), ("gateway", "gateway"))
        ),
        "unknown alert entity": replace(telemetry, alert_entity="nobody"),
        "no alert entity": replace(telemetry, alert_entity=None),
        "a clock an hour ahead": replace(
            telemetry, spans=None, logs=telemetry.logs.with_columns(pl.col("time") + 3600)
        ),
        "binary junk": replace(telemetry, logs=junk),
        "empty logs and spans": replace(
            telemetry,
            logs=telemetry.logs.clear(),
            spans=None if telemetry.spans is None else telemetry.spans.clear(),
        ),
        "an alert before all data": replace(telemetry, alert_time=telemetry.start - 100),
    }


@pytest.mark.parametrize("name", sorted(_broken(rig.telemetry(history=30))))
def test_bad_input_gives_an_answer_and_no_error(name: str) -> None:
    found = diagnose(_broken(rig.telemetry(rig.failing("stock"), history=30))[name])
    assert 0.0 <= found.confidence <= 1.0


def test_a_million_lines_of_one_template_hide_no_fault() -> None:
    telemetry = rig.telemetry(rig.failing("stock"))
    assert telemetry.logs is not None
    count = 1_000_000
    length = (telemetry.end - telemetry.start) / count
    flood = pl.DataFrame({"number": np.arange(count)}).select(
        (telemetry.start + pl.col("number") * length).alias("time"),
        pl.lit("catalog").alias("entity"),
        pl.lit("").alias("trace_id"),
        pl.format("served item {} in 3 ms", pl.col("number")).alias("message"),
    )
    flooded = replace(telemetry, logs=pl.concat([telemetry.logs, flood]).sort("time"))
    assert diagnose(flooded).ranking[0].entity == "stock"


@pytest.mark.parametrize(("caller", "ends"), [("shop", {"catalog"}), ("gateway", {"catalog", "gateway"})])
def test_a_caller_known_by_nothing_but_a_label_is_no_cause(caller: str, ends: set[str]) -> None:
    telemetry = rig.telemetry()
    times = np.arange(telemetry.start, telemetry.end, 5.0)
    waiting = np.where(times < telemetry.alert_time - 60, 0.010, 0.500)
    latency = {"client_latency_seconds": waiting, "server_latency_seconds": np.full_like(times, 0.005)}
    edge = pl.concat(
        pl.DataFrame({"time": times, "value": values}).with_columns(
            pl.lit("catalog").alias("entity"), pl.lit(f"{metric}{{caller={caller}}}").alias("metric")
        )
        for metric, values in latency.items()
    ).select(telemetry.metrics.columns)
    found = diagnose(replace(telemetry, metrics=pl.concat([telemetry.metrics, edge]), spans=None))
    terms = [term for cause in found.ranking for term in cause.terms]
    assert {term.entity for term in terms if term.name == "network_gap"} == ends


def test_of_two_that_are_explained_away_the_one_that_showed_more_comes_first() -> None:
    def term(entity: str, points: float) -> Term:
        return Term(name="t", modality=Modality.METRICS, entity=entity, subject="s", points=points)

    terms = {"a": [term("a", 0.2), term("a", -0.2)], "b": [term("b", 0.9), term("b", -0.9)], "c": []}
    assert [entity for entity, _, _ in ranked(terms)] == ["b", "a", "c"]


def test_nothing_at_all_is_inconclusive_and_not_noise() -> None:
    empty = rig.telemetry(history=10).metrics.clear()
    found = diagnose(
        Telemetry(
            start=0.0,
            end=100.0,
            alert_time=90.0,
            alert_entity="a",
            metrics=empty,
            missing=("metrics: no answer",),
        )
    )
    assert found.verdict is VerdictKind.INCONCLUSIVE
    assert "metrics" in " ".join(found.missing)

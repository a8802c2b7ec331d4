"""Fault files: what is accepted, what is refused in one line, and what parameters do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from autoheal.domain.errors import ConfigError, NotFoundError
from autoheal.domain.investigation import Mechanism
from autoheal.domain.mitigation import ActionKind
from autoheal.sandbox.fault import Commit, Connections, Fault, bundled, read
from autoheal.sandbox.repository import TEMPLATE

DOCUMENTED = Path(__file__).parents[3] / "docs" / "faults.md"

PLAIN = """\
id: small-pool
title: The pool is too small
family: small-pool
truth: {entity: orders, mechanism: [configuration], remediation: [restore_config], change: config}
inject:
  - config: {service: orders, key: pool_size, value: 1}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "fault.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("pool_size, value", "pool_size, valeu", "valeu: no such field; did you mean value?"),
        (
            "service: orders",
            "service: oders",
            "inject.0.config.service: there is no 'oders'; did you mean orders?",
        ),
        ("entity: orders", "entity: order", "truth.entity: there is no 'order'; did you mean orders?"),
        (
            "[configuration]",
            "[configuraton]",
            "truth.mechanism: there is no 'configuraton'; did you mean config",
        ),
        ("[restore_config]", "[restore]", "truth.remediation: there is no 'restore'"),
        ("- config:", "- confg:", "confg: no such field; did you mean config?"),
        ("value: 1", 'value: "${siz}"', "inject.0.config: no parameter 'siz'"),
        (
            "key: pool_size",
            "key: pool_sise",
            "inject.0.config.key: there is no 'pool_sise'; did you mean pool",
        ),
        ("change: config", "change: restart", "truth.change: there is no 'restart'; it is one of deploy, "),
        ("[configuration]", "configuration", "truth.mechanism: should be a list"),
        ("{service: orders, key: pool_size, value: 1}", "orders", "inject.0.config: should be a table"),
        ("title: The pool is too small\n", "", "title: Field required"),
        ("id: small-pool", "id: Small Pool", "id: String should match pattern"),
        ("id: small-pool", "id: [", "cannot be read"),
    ],
)
def test_a_typo_is_one_line_with_file_field_and_hint(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    assert before in PLAIN
    path = written(tmp_path, PLAIN.replace(before, after, 1))
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_flag_that_the_shop_does_not_have_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    text = PLAIN.replace("config: {service: orders, key: pool_size", "flag: {flag: strict_fraud_chek")
    with pytest.raises(ConfigError, match=r"inject\.0\.flag\.flag: .* did you mean strict_fraud_check"):
        read(written(tmp_path, text))


@pytest.mark.parametrize("text", ["", "[]", "just words", "inject: []"])
def test_a_file_that_is_no_fault_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_database_has_no_setting_to_change(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no 'shop-db'"):
        read(written(tmp_path, PLAIN.replace("service: orders", "service: shop-db")))


def test_a_step_that_is_two_steps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a step is exactly one of"):
        read(written(tmp_path, PLAIN + "    wait: {seconds: 1}\n"))


def test_every_choice_of_a_parameter_is_checked_not_only_the_default(tmp_path: Path) -> None:
    text = PLAIN.replace("service: orders, key", 'service: "${who}", key')
    text += "parameters:\n  who: {default: orders, choices: [orders, bakery]}\n"
    with pytest.raises(ConfigError, match="bakery"):
        read(written(tmp_path, text))


def test_a_value_that_is_a_parameter_has_the_type_of_its_text(tmp_path: Path) -> None:
    text = PLAIN.replace("value: 1", 'value: "${size}"') + 'parameters:\n  size: {default: "1"}\n'
    fault = read(written(tmp_path, text))
    given = [fault.filled({"size": size}).inject[0].config for size in ("7", "0.5", "true", "[1, 2]", "word")]
    assert [config.value for config in given if config] == [7, 0.5, True, [1, 2], "word"]


def test_a_parameter_inside_a_longer_text_stays_text(tmp_path: Path) -> None:
    text = (
        PLAIN.replace("value: 1", 'value: 1, title: "Use ${size}"') + 'parameters:\n  size: {default: "3"}\n'
    )
    config = read(written(tmp_path, text)).filled({}).inject[0].config
    assert config is not None
    assert config.title == "Use 3"


def test_a_parameter_may_stand_for_a_number_anywhere(tmp_path: Path) -> None:
    text = PLAIN + '  - upstream: {delay_seconds: "${delay}"}\n  - connections: {count: "${count}"}\n'
    text += 'parameters:\n  delay: {default: "0.5"}\n  count: {default: "7", choices: ["7", "9"]}\n'
    steps = read(written(tmp_path, text)).filled({"count": "9", "delay": "2"}).inject
    assert [steps[1].upstream and steps[1].upstream.delay_seconds, steps[2].connections] == [
        2.0,
        Connections(count=9),
    ]


def test_a_number_out_of_range_given_as_a_parameter_is_refused_by_name(tmp_path: Path) -> None:
    text = PLAIN + '  - connections: {count: "${count}"}\nparameters:\n  count: {default: "7"}\n'
    with pytest.raises(ConfigError, match=r"inject\.1\.connections\.count: .*less than or equal to 60"):
        read(written(tmp_path, text)).filled({"count": "600"})


def test_a_setting_may_be_made_empty(tmp_path: Path) -> None:
    config = read(written(tmp_path, PLAIN.replace("value: 1", "value: null"))).filled({}).inject[0].config
    assert config is not None
    assert config.value is None


def test_a_choice_brings_its_further_names_and_moves_the_truth() -> None:
    fault = bundled()["bad-deploy-errors"].filled({"service": "catalog"})
    assert fault.truth.entity == "catalog"
    commit = fault.inject[0].commit
    assert commit is not None
    assert commit.edits[0].file == "services/catalog/app.py"


def test_an_unknown_parameter_or_choice_is_refused_with_what_there_is() -> None:
    fault = bundled()["bad-deploy-errors"]
    with pytest.raises(ConfigError, match="did you mean service"):
        fault.filled({"servce": "orders"})
    with pytest.raises(ConfigError, match="one of orders, catalog"):
        fault.filled({"service": "bank"})


def test_a_file_from_elsewhere_wins_over_a_bundled_one(tmp_path: Path) -> None:
    written(tmp_path, PLAIN.replace("id: small-pool", "id: slow-bank"))
    assert bundled(tmp_path)["slow-bank"].title == "The pool is too small"
    assert "slow-bank" in bundled()
    assert bundled()["slow-bank"].title != "The pool is too small"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such folder of faults"):
        bundled(tmp_path / "nowhere")


# ---------------------------------------------------------------- the bundled ones


def test_at_least_twelve_families_are_bundled_with_a_decoy_and_a_false_alarm() -> None:
    known = bundled()
    assert len({fault.family for fault in known.values()}) >= 12
    assert known["noisy-alert"].truth.entity is None
    decoy = known["decoy-deploy"]
    deployed = {step.deploy.service for step in decoy.filled({}).inject if step.deploy}
    assert deployed
    assert decoy.truth.entity not in deployed


@pytest.mark.parametrize("fault", bundled().values(), ids=lambda fault: fault.id)
def test_every_edit_of_a_bundled_fault_fits_the_shop(fault: Fault) -> None:
    for variant in fault.variants():
        for commit in (step.commit for step in variant.inject if step.commit):
            assert_fits(commit)


def assert_fits(commit: Commit) -> None:
    """The edited program is still a program: a bug that cannot even start would be another fault."""
    for edit in commit.edits:
        source = (TEMPLATE / edit.file).read_text(encoding="utf-8")
        assert edit.replace is not None
        assert edit.replace in source
        compile(source.replace(edit.replace, edit.with_ or ""), edit.file, "exec")


# ---------------------------------------------------------------- the page


def test_the_examples_of_the_page_are_faults(tmp_path: Path) -> None:
    blocks = [part.split("```")[0] for part in DOCUMENTED.read_text(encoding="utf-8").split("```yaml\n")[1:]]
    whole = [block for block in blocks if "id:" in block]
    parts = [block for block in blocks if "id:" not in block]
    assert whole
    assert parts
    for block in whole:
        read(written(tmp_path, block))
    frame = {key: value for key, value in yaml.safe_load(PLAIN).items() if key != "inject"}
    for block in parts:
        read(written(tmp_path, yaml.safe_dump({**frame, **yaml.safe_load(block)})))


def test_the_page_names_every_step_mechanism_action_and_field() -> None:
    page = DOCUMENTED.read_text(encoding="utf-8")
    words = {name for table in _tables() for name in table}
    words |= {kind.value for kind in Mechanism} | {kind.value for kind in ActionKind}
    assert sorted(word for word in words if f"`{word}`" not in page and f"{word}:" not in page) == []


def _tables() -> list[set[str]]:
    from autoheal.sandbox.fault import Step, Truth  # noqa: PLC0415  only the page's test looks inside

    steps = [field.annotation for field in Step.model_fields.values()]
    contents = [part for kind in steps for part in getattr(kind, "__args__", ()) if part is not type(None)]
    return [
        {field.alias or name for name, field in table.model_fields.items()}
        for table in (Step, Truth, Fault, *contents)
    ]

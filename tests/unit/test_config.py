"""The settings file and the environment: what wins, where it came from, and how a slip is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoheal.config import Config, known_settings, line_of, load
from autoheal.domain.errors import ConfigError


def _write(folder: Path, text: str) -> Path:
    file = folder / "autoheal.toml"
    file.write_text(text)
    return file


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUTOHEAL_CONFIG", raising=False)


def test_without_file_or_environment_the_defaults_stand() -> None:
    assert load().config == Config()


def test_the_environment_wins_over_the_file_and_is_named_as_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _write(tmp_path, "[http]\nhost = '0.0.0.0'\nport = 1000\n")
    monkeypatch.setenv("AUTOHEAL_HTTP__PORT", "2000")
    loaded = load(file)
    assert (loaded.config.http.host, loaded.config.http.port) == ("0.0.0.0", 2000)  # noqa: S104  only read
    origins = {s.name: s.origin for s in loaded.settings()}
    assert origins["http.port"] == "AUTOHEAL_HTTP__PORT"
    assert origins["http.host"] == f"{file}:2"
    assert origins["environment"] == "default"


def test_a_file_in_the_current_folder_is_found(tmp_path: Path) -> None:
    _write(tmp_path, "environment = 'staging'\n")
    assert load().config.environment == "staging"


def test_the_variable_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.toml"
    other.write_text("environment = 'other'\n")
    _write(tmp_path, "environment = 'here'\n")
    monkeypatch.setenv("AUTOHEAL_CONFIG", str(other))
    assert load().config.environment == "other"


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such settings file"):
        load(tmp_path / "absent.toml")


def test_paths_of_a_file_are_relative_to_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "deep"
    folder.mkdir()
    file = _write(folder, "policy = 'p.yaml'\n[repositories]\nshop = '../shop'\n")
    monkeypatch.chdir("/")
    config = load(file).config
    assert config.home == folder / ".autoheal"
    assert config.policy == folder / "p.yaml"
    assert config.repositories == {"shop": folder / ".." / "shop"}


@pytest.mark.parametrize(
    ("text", "place", "meant"),
    [
        ("[http]\nprot = 1\n", ":2: no such setting http.prot", "did you mean port?"),
        ("enviroment = 'x'\n", ":1: no such setting enviroment", "did you mean environment?"),
        ("home = 'x'\n\n[databse]\nurl = 'x'\n", ":3: no such setting databse", "did you mean database?"),
        ("[http]\nhost = 'a'\nport = 'abc'\n", ":3: http.port:", "integer"),
    ],
)
def test_a_slip_in_the_file_is_named_with_its_line(tmp_path: Path, text: str, place: str, meant: str) -> None:
    file = _write(tmp_path, text)
    with pytest.raises(ConfigError) as slip:
        load(file)
    assert f"{file}{place}" in str(slip.value)
    assert meant in str(slip.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("AUTOHEAL_HTTP__PROT", "did you mean port?"),
        ("AUTOHEAL_HTPT__PORT", "did you mean http?"),
        ("AUTOHEAL_ENVIROMENT", "did you mean environment?"),
    ],
)
def test_a_slip_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ConfigError) as slip:
        load()
    assert name in str(slip.value)
    assert said in str(slip.value)


def test_variables_of_other_programs_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOHEAL_SOMETHING_ELSE", "1")
    assert load().config == Config()


def test_text_that_is_not_toml_is_named_with_its_line(tmp_path: Path) -> None:
    file = _write(tmp_path, "home = \n")
    with pytest.raises(ConfigError, match=r"not TOML: .*line 1"):
        load(file)


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    file = _write(tmp_path, "[database]\nurl = 'postgresql://ann:hunter2@db/x'\n")
    loaded = load(file)
    assert "hunter2" not in str(loaded.settings()) + repr(loaded.config)
    assert loaded.config.database_url == "postgresql://ann:hunter2@db/x"


def test_a_wrong_secret_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    file = _write(tmp_path, "[database]\nurl = ['hunter2']\n")
    with pytest.raises(ConfigError) as slip:
        load(file)
    assert "hunter2" not in str(slip.value)


def test_durable_runs_follow_the_database_to_postgresql(tmp_path: Path) -> None:
    file = _write(tmp_path, "[database]\nurl = 'postgresql+psycopg://db/x'\n")
    assert load(file).config.runs_url == "postgresql+psycopg://db/x"
    assert load(_write(tmp_path, "")).config.runs_url == f"sqlite:///{tmp_path}/.autoheal/runs.db"


def test_settings_cannot_be_changed_after_loading() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().config.environment = "x"


def test_every_setting_says_what_it_is_for() -> None:
    assert [known.name for known in known_settings() if not known.description] == []


def test_the_line_of_a_dotted_key_is_found() -> None:
    assert line_of("a = 1\nhttp.port = 2\n", ["http", "port"]) == 2
    assert line_of("[a]\nport = 1\n[http]\nport = 2\n", ["http", "port"]) == 4


def test_pages_are_kept_in_home_unless_said_otherwise(tmp_path: Path) -> None:
    assert load(_write(tmp_path, "home = 'h'\n")).config.pager.file == tmp_path / "h" / "pages.jsonl"
    said = _write(tmp_path, "home = 'h'\n[pager]\nfile = 'elsewhere'\n")
    assert load(said).config.pager.file == tmp_path / "elsewhere"


def test_a_source_is_absent_until_it_is_named(tmp_path: Path) -> None:
    assert load(_write(tmp_path, "")).config.sources.prometheus is None
    named = _write(tmp_path, "[sources.prometheus]\nurl = 'http://127.0.0.1:9090'\n")
    prometheus = load(named).config.sources.prometheus
    assert prometheus is not None
    assert str(prometheus.url) == "http://127.0.0.1:9090/"

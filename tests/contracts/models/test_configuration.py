"""What is configured is what is asked: names, keys, prices, packages, and how many calls at once."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.contracts.models.test_limits import Said, mind_of, settings_of, task, think
from tests.doubles.model_server import model_server

from autoheal.config import Config, load
from autoheal.domain.errors import ConfigError
from autoheal.ports.reasoning import Ending, Limits
from autoheal.sandbox.model.conversation import Prompt, Reply, answered
from autoheal.wiring import minds_of

HOUSE = "[models.house]\nprovider = 'compatible'\nmodel = 'qwen3'\nurl = 'http://127.0.0.1:9/v1'\n"
FREE = "price = { input = 0.0, cached = 0.0, output = 0.0 }\n"


def configured(folder: Path, text: str) -> Config:
    file = folder / "autoheal.toml"
    file.write_text(text)
    return load(file).config


def ran(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True
    ).stdout


def test_a_stage_that_names_no_model_is_one_line_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no \[models.hause\].*house") as told:
        configured(tmp_path, HOUSE + FREE + "[reasoning]\nreview = ['hause']\n")
    assert "\n" not in str(told.value)


@pytest.mark.criterion(100)
def test_nothing_starts_with_a_model_that_has_no_price(tmp_path: Path) -> None:
    config = configured(tmp_path, HOUSE + "[reasoning]\nreview = ['house']\n")
    with pytest.raises(
        ConfigError, match=r"^models.house: the price of model 'qwen3' is not known; state it"
    ):
        minds_of(config, lambda: 0.0)


def test_a_price_of_nothing_counts_once_it_is_stated(tmp_path: Path) -> None:
    config = configured(tmp_path, HOUSE + FREE + "[reasoning]\nreview = ['house']\n")
    assert set(minds_of(config, lambda: 0.0).models) == {"house"}


def test_a_key_of_the_environment_is_taken_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOHEAL_MODELS__HOUSE__KEY", "canary-of-a-key")
    monkeypatch.setenv("AUTOHEAL_CONFIG", str(tmp_path / "autoheal.toml"))
    config = configured(tmp_path, HOUSE)
    key = config.models["house"].key
    assert key is not None
    assert key.get_secret_value() == "canary-of-a-key"
    shown = repr(config) + config.model_dump_json() + repr(load(tmp_path / "autoheal.toml").settings())
    assert "canary-of-a-key" not in shown


def test_a_package_that_is_missing_is_named_with_what_to_install() -> None:
    said = ran(
        "import sys\n"
        "for name in ('anthropic', 'google.genai', 'boto3', 'openai'): sys.modules[name] = None\n"
        "from contextlib import AsyncExitStack\n"
        "from autoheal.domain.errors import ConfigError\n"
        "from autoheal.integrations.models.config import ModelSettings\n"
        "from autoheal.integrations.models.vendors import vendor_model\n"
        "for provider in ('anthropic', 'google', 'bedrock', 'openai', 'compatible'):\n"
        "    settings = ModelSettings(provider=provider, model='m', url='http://127.0.0.1:9', key='k')\n"
        "    try: vendor_model('house', settings, AsyncExitStack())\n"
        "    except ConfigError as error: print(error)\n"
    )
    extras = ("[anthropic]", "[google]", "[bedrock]", "", "")
    lines = [f"models.house: install its package: pip install 'autoheal{extra}'" for extra in extras]
    assert said.splitlines() == lines


def test_no_other_vendor_s_package_is_imported_than_that_of_the_model_asked() -> None:
    with model_server(lambda prompt: answered(prompt, {"verdict": "cause"})) as server:
        said = ran(
            "import sys\n"
            "from tests.contracts.models.test_limits import mind_of, think\n"
            "from autoheal.integrations.models.config import ModelSettings\n"
            "from autoheal.integrations.models.prices import Price\n"
            "price = Price(input=0, cached=0, output=0)\n"
            f"model = ModelSettings(provider='compatible', model='m', url='{server.openai}', price=price)\n"
            "print(think(mind_of(house=model))[0].ending)\n"
            "print(*[n for n in ('openai', 'anthropic', 'google.genai', 'boto3') if n in sys.modules])\n"
        )
    assert said.splitlines() == ["answered", "openai"]


def test_the_command_line_imports_no_model_library() -> None:
    program = "import sys, autoheal.surfaces.cli.main, autoheal.config; print('pydantic_ai' in sys.modules)"
    assert ran(program).strip() == "False"


def test_only_so_many_calls_of_a_model_run_at_once() -> None:
    lock, running, most = threading.Lock(), [0], [0]

    def crowded(prompt: Prompt) -> Reply:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.2)
        with lock:
            running[0] -= 1
        return answered(prompt, {"verdict": "cause"})

    with model_server(crowded) as server:
        mind = mind_of(house=settings_of(server).model_copy(update={"calls_at_once": 2}))
        with ThreadPoolExecutor(5) as threads:
            thoughts = list(threads.map(lambda _: think(mind)[0], range(5)))
    assert [thought.answer for thought in thoughts] == [Said(verdict="cause")] * 5
    assert most[0] == 2


def test_a_call_beyond_those_of_a_minute_waits_no_longer_than_its_task_may() -> None:
    with model_server(lambda prompt: answered(prompt, {"verdict": "cause"})) as server:
        mind = mind_of(house=settings_of(server).model_copy(update={"calls_per_minute": 1}))
        assert think(mind)[0].ending is Ending.ANSWERED
        short = Limits(input_tokens=4_000, output_tokens=1_000, tool_calls=3, seconds=0.5)
        thought, spent = think(mind, task(short))
    assert (thought.ending, spent, len(server.prompts)) == (Ending.LIMIT, [], 1)

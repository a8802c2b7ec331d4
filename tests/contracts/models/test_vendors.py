"""Google and Bedrock are asked at the address that is set, within the limits, and counted as they count."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr
from tests.contracts.models.test_limits import LIMITS, Said, mind_of, think

from autoheal.integrations.models.config import ModelSettings
from autoheal.ports.reasoning import Ending
from autoheal.ports.runs import Json

KEY = "canary-of-a-key"
GOOGLE: Json = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [{"functionCall": {"name": "final_result", "args": {"verdict": "cause"}}}],
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 40,
        "candidatesTokenCount": 10,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 115,
    },
}
BEDROCK: Json = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"toolUse": {"toolUseId": "t1", "name": "final_result", "input": {"verdict": "cause"}}}
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {"inputTokens": 60, "cacheReadInputTokens": 40, "outputTokens": 15, "totalTokens": 115},
    "metrics": {"latencyMs": 1},
}


@dataclass(kw_only=True)
class Vendor:
    """Answers every POST alike; paths, headers and bodies are what it was asked."""

    answer: Json
    status: int = 200
    url: str = ""
    paths: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[dict[str, Json]] = field(default_factory=list)


@contextmanager
def serving(vendor: Vendor) -> Iterator[Vendor]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            vendor.paths.append(self.path)
            vendor.headers.append({name.lower(): value for name, value in self.headers.items()})
            vendor.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            content = json.dumps(vendor.answer).encode()
            self.send_response(vendor.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its own name
            """Nothing on the terminal."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    vendor.url = f"http://127.0.0.1:{http.server_port}"
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield vendor
    finally:
        http.shutdown()
        http.server_close()


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    # Bedrock's client sends a bearer key over HTTPS only: here it signs, as with AWS's own chain of keys.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)


def settings_of(provider: str, url: str) -> ModelSettings:
    return ModelSettings.model_validate(
        {
            "provider": provider,
            "model": "gemini-3" if provider == "google" else "amazon.nova-pro-v1:0",
            "url": url,
            "key": SecretStr(KEY) if provider == "google" else None,
            "region": "eu-west-1" if provider == "bedrock" else None,
            "retries": 0,
            "price": {"input": 1.0, "cached": 0.1, "output": 2.0},
        }
    )


@pytest.mark.criterion(100)
@pytest.mark.parametrize(("provider", "answer"), [("google", GOOGLE), ("bedrock", BEDROCK)])
def test_the_typed_answer_and_the_vendor_s_count_arrive(provider: str, answer: Json) -> None:
    with serving(Vendor(answer=answer)) as vendor:
        thought, (call,) = think(mind_of(house=settings_of(provider, vendor.url)))
    assert (thought.answer, thought.ending) == (Said(verdict="cause"), Ending.ANSWERED)
    assert (call.input_tokens, call.cached_tokens, call.output_tokens) == (100, 40, 15)
    assert call.reasoning_tokens == (5 if provider == "google" else 0)
    assert call.dollars == pytest.approx((60 * 1.0 + 40 * 0.1 + 15 * 2.0) / 1e6)


@pytest.mark.criterion(28)
def test_each_vendor_is_told_how_much_may_be_written() -> None:
    with serving(Vendor(answer=GOOGLE)) as google, serving(Vendor(answer=BEDROCK)) as bedrock:
        think(mind_of(house=settings_of("google", google.url)))
        think(mind_of(house=settings_of("bedrock", bedrock.url)))
    assert _within(google.bodies[0], "generationConfig", "maxOutputTokens") == LIMITS.output_tokens
    assert _within(bedrock.bodies[0], "inferenceConfig", "maxTokens") == LIMITS.output_tokens


@pytest.mark.parametrize("provider", ["google", "bedrock"])
def test_a_refusal_is_one_line_without_the_key(provider: str) -> None:
    refusal: Json = {"error": {"code": 403, "message": "no such right"}, "message": "no such right"}
    with serving(Vendor(answer=refusal, status=403)) as vendor:
        thought, spent = think(mind_of(house=settings_of(provider, vendor.url)))
    assert (thought.ending, spent, len(vendor.paths)) == (Ending.FAILED, [], 1)
    assert "no such right" in thought.reason
    assert KEY not in thought.reason
    assert "\n" not in thought.reason


def test_google_gets_the_key_that_is_set_and_repeats_it_to_nobody() -> None:
    refusal: Json = {"error": {"code": 403, "message": f"no such key: {KEY}", "status": "DENIED"}}
    with serving(Vendor(answer=refusal, status=403)) as vendor:
        thought, _ = think(mind_of(house=settings_of("google", vendor.url)))
    assert vendor.headers[0]["x-goog-api-key"] == KEY
    assert "no such key: [the key]" in thought.reason


def test_bedrock_sends_a_key_of_its_own_over_https_only() -> None:
    with serving(Vendor(answer=BEDROCK)) as vendor:
        keyed = settings_of("bedrock", vendor.url).model_copy(update={"key": SecretStr(KEY)})
        thought, _ = think(mind_of(house=keyed))
    assert (thought.ending, vendor.paths) == (Ending.FAILED, [])
    assert "HTTPS" in thought.reason


def _within(body: dict[str, Json], part: str, name: str) -> Json:
    inside = body[part]
    assert isinstance(inside, dict)
    return inside[name]

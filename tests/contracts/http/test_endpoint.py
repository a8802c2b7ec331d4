"""Every call to an outside system ends in time, and nothing it says can break what stores it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from pydantic import ValidationError

from autoheal.domain.errors import UnreachableError
from autoheal.integrations.http.breaker import Breaker
from autoheal.integrations.http.config import HttpSettings
from autoheal.integrations.http.endpoint import Call, Endpoint, Reply

Answer = tuple[int, bytes]
Backend = Callable[[str, str, bytes, dict[str, str]], Answer]
Serve = Callable[[Backend], str]
_ASK = Call(method="GET", path="/x")


def _open(url: str, **settings: object) -> Endpoint:
    return HttpSettings.model_validate({"url": url, **settings}).endpoint("store")


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server that answers one byte at a time, for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not stopped.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    stopped.set()
    thread.join()
    listener.close()


def test_an_answer_that_drips_is_given_up_when_its_time_is_over(dripping: str) -> None:
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="no whole answer within"):
        _open(dripping, timeout_seconds=0.4).send(_ASK)
    assert time.monotonic() - began < 1.5


def test_a_system_that_accepts_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UnreachableError, match="no answer within"):
            _open(url, timeout_seconds=0.2).send(_ASK)


def test_text_that_no_database_can_keep_is_made_harmless() -> None:
    told = Reply(status=200, body=b'{"a\\u0000":["x\\ud800y","\\u0000","\\ud83d\\ude00"],"n":NaN}').json
    assert told == {"a\ufffd": ["x?y", "\ufffd", "\U0001f600"], "n": None}
    json.dumps(told, ensure_ascii=False).encode()
    assert Reply(status=200, body=b'"\xff"').json == "\ufffd"


def test_settings_are_the_only_headers_and_stay_secret(serve: Serve) -> None:
    seen: list[dict[str, str]] = []

    def backend(_: str, __: str, ___: bytes, headers: dict[str, str]) -> Answer:
        seen.append(headers)
        return 200, b"{}"

    given = {"url": serve(backend), "headers": {"Authorization": "Bearer s3cret"}}
    settings = HttpSettings.model_validate(given)
    settings.endpoint("store").send(_ASK)
    assert seen[0]["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in settings.model_dump_json()


def test_a_proxy_of_the_environment_is_not_used(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert _open(serve(lambda *_: (200, b"{}"))).send(_ASK).status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://x"},
        {"url": "x"},
        {"url": "http://x", "timeout": 3},
        {"url": "http://x", "per_second": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HttpSettings.model_validate(wrong)


def test_a_backend_left_alone_is_tried_by_one_call_and_then_by_all() -> None:
    breaker = Breaker(failures=2, seconds=0.1)
    for _ in range(2):
        breaker.check("store")
        breaker.note(failed=True)
    with pytest.raises(UnreachableError, match="2 calls in a row failed"):
        breaker.check("store")
    time.sleep(0.12)
    breaker.check("store")
    with pytest.raises(UnreachableError):
        breaker.check("store")
    breaker.note(failed=False)
    breaker.check("store")
    breaker.check("store")

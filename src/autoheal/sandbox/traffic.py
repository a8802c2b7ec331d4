"""Steady customers: seeded, open-loop requests through the gateway, whose rate can be turned."""

from __future__ import annotations

import contextlib
import json
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random  # seeded, so that every rig sees the same customers

from autoheal.sandbox.layout import load

RATE = 14.0
"""Requests per second at factor 1."""

_AT_ONCE = 48
_PRODUCT_PAGES, _BROWSING = 0.4, 0.25


def main(home: Path) -> None:
    """Send requests at their time, whether or not earlier ones were answered: open loop."""
    layout = load(home)
    gateway = f"http://127.0.0.1:{layout.services['gateway'][0]}"
    dice = Random(17)
    due = time.monotonic()
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as customers:
        waiting: list[object] = []
        while True:
            due = max(due + dice.expovariate(RATE * factor(layout.run)), time.monotonic() - 1)
            time.sleep(max(due - time.monotonic(), 0))
            waiting = [w for w in waiting if not w.done()]  # type: ignore[attr-defined]  # futures
            if len(waiting) < _AT_ONCE:
                waiting.append(customers.submit(send, gateway, *request(dice)))


def factor(run: Path) -> float:
    """How many times the usual traffic; 1 unless a file says otherwise."""
    try:
        return max(float((run / "traffic").read_text()), 0.01)
    except (OSError, ValueError):
        return 1.0


def request(dice: Random) -> tuple[str, dict[str, int] | None]:
    """What one customer asks for."""
    choice = dice.random()
    if choice < _PRODUCT_PAGES:
        return f"/products/{dice.randint(1, 200)}", None
    if choice < _PRODUCT_PAGES + _BROWSING:
        return f"/browse/{dice.randint(0, 7)}", None
    return "/checkout", {"product": dice.randint(1, 200), "quantity": dice.randint(1, 12)}


def send(gateway: str, path: str, body: dict[str, int] | None) -> None:
    """One request; whatever comes of it is the shop's business."""
    data = None if body is None else json.dumps(body).encode()
    with contextlib.suppress(OSError, urllib.error.HTTPError):
        urllib.request.urlopen(gateway + path, data, timeout=6).read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Stands in for the bank, a third party: not ours, reached over the network."""

import json
import os
import time

from shop.server import App, Problem

app = App("bank")


def weather():
    """How the bank is doing just now; others decide that."""
    try:
        with open(os.environ.get("SHOP_WEATHER", ""), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


@app.route("POST", "/transfers")
def transfer(body):
    """Move money."""
    today = weather()
    time.sleep(0.01 + today.get("delay_seconds", 0))
    if today.get("failing"):
        raise Problem(500, "transfer refused: try later")
    return {"state": "settled"}


if __name__ == "__main__":
    app.serve()

"""Charges customers through the bank."""

from shop.server import App, Problem

app = App("payments")


@app.route("POST", "/charge")
def charge(body):
    """Charge an amount; amounts below the limit skip the second check."""
    cents = int(body["total_cents"])
    if cents <= 0:
        raise Problem(422, f"amount {cents} is not positive")
    if app.flag("strict_fraud_check") and cents > 0:
        review(cents)
    timeout = app.config["bank_timeout_seconds"]
    answer = app.call("bank", "POST", "/transfers", {"cents": cents}, timeout=timeout)
    return {"state": answer["state"]}


def review(cents):
    """The strict fraud check: scores the amount against the recent ones."""
    score = 0
    for step in range(app.config.get("fraud_rounds", 60_000) * 25):
        score = (score * 31 + cents + step) % 1_000_003
    if score % 2 == 0:
        raise Problem(503, "fraud check has no verdict")


if __name__ == "__main__":
    app.serve()

"""What things cost: discounts by quantity, and tax."""

from shop.server import App, Problem

app = App("pricing")


@app.route("POST", "/price")
def price(body):
    """The total of one position."""
    return {"total_cents": total(int(body["price_cents"]), int(body["quantity"]))}


@app.route("POST", "/prices")
def prices(body):
    """The totals of many single items."""
    return {"total_cents": [total(int(cents), 1) for cents in body["price_cents"]]}


def total(cents, quantity):
    """Cents after discount, with tax."""
    if cents <= 0:
        raise Problem(422, f"price {cents} is not positive")
    net = cents * quantity * (100 - discount(quantity)) // 100
    return net * (100 + app.config["tax_percent"]) // 100


def discount(quantity):
    """Percent off for larger orders."""
    tiers = app.config["discount_percent_from"]
    return max((percent for least, percent in tiers if quantity >= least), default=0)


if __name__ == "__main__":
    app.serve()

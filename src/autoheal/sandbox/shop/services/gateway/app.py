"""The entry point: every customer request comes in here."""

from shop.server import App

app = App("gateway")


@app.route("GET", "/products/{product}")
def product(product, body):
    """A product page."""
    return app.call("catalog", "GET", f"/products/{product}")


@app.route("GET", "/browse/{category}")
def browse(category, body):
    """A page of products."""
    return app.call("catalog", "GET", f"/categories/{category}")


@app.route("POST", "/checkout")
def checkout(body):
    """Buy something."""
    return app.call("orders", "POST", "/orders", body)


@app.route("GET", "/orders/{order}")
def order(order, body):
    """What became of an order."""
    return app.call("orders", "GET", f"/orders/{order}")


if __name__ == "__main__":
    app.serve()

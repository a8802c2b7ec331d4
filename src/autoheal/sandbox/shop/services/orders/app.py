"""Takes orders: price, stock, payment, record."""

from shop.database import Pool
from shop.server import App, Problem

app = App("orders")
pool = Pool(app)


@app.route("POST", "/orders")
def place(body):
    """Place one order."""
    product, quantity = int(body["product"]), int(body["quantity"])
    if not 1 <= quantity <= app.config["max_quantity"]:
        raise Problem(422, f"quantity {quantity} is not between 1 and {app.config['max_quantity']}")
    found = pool.query("SELECT price_cents FROM products WHERE id = %s", (product,))
    if not found:
        raise Problem(404, f"no product {product}")
    price = app.call("pricing", "POST", "/price", {"price_cents": found[0][0], "quantity": quantity})
    app.call("inventory", "POST", "/reserve", {"product": product, "quantity": quantity})
    paid = app.call("payments", "POST", "/charge", {"total_cents": price["total_cents"]})
    recorded = pool.query(
        "INSERT INTO orders (product_id, quantity, total_cents) VALUES (%s, %s, %s) RETURNING id",
        (product, quantity, price["total_cents"]),
    )
    return {"order": recorded[0][0], "total_cents": price["total_cents"], "payment": paid["state"]}


@app.route("GET", "/orders/{order}")
def show(order, body):
    """One order."""
    found = pool.query("SELECT product_id, quantity, total_cents FROM orders WHERE id = %s", (int(order),))
    if not found:
        raise Problem(404, f"no order {order}")
    return {"product": found[0][0], "quantity": found[0][1], "total_cents": found[0][2]}


if __name__ == "__main__":
    app.serve()

"""What is in stock."""

from shop.database import Pool
from shop.server import App, Problem

app = App("inventory")
pool = Pool(app)


@app.route("POST", "/reserve")
def reserve(body):
    """Take some units out of stock."""
    product, quantity = int(body["product"]), int(body["quantity"])
    left = pool.query(
        "UPDATE stock SET units = units - %s WHERE product_id = %s AND units >= %s RETURNING units",
        (quantity, product, quantity),
    )
    if not left:
        raise Problem(409, f"product {product} is out of stock")
    return {"units": left[0][0], "low": left[0][0] < app.config["low_water"]}


if __name__ == "__main__":
    app.serve()

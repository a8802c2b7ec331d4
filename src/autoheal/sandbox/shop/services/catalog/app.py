"""Products with their price and reviews."""

from shop.database import Pool
from shop.server import App, Problem

app = App("catalog")
pool = Pool(app)


@app.route("GET", "/products/{product}")
def product(product, body):
    """One product with price and stars."""
    number = int(product)
    found = pool.query("SELECT name, price_cents, category FROM products WHERE id = %s", (number,))
    if not found:
        raise Problem(404, f"no product {number}")
    name, cents, category = found[0]
    price = app.call("pricing", "POST", "/price", {"price_cents": cents, "quantity": 1})
    return {"id": number, "name": name, "category": category, "stars": stars(number), **price}


@app.route("GET", "/categories/{category}")
def category(category, body):
    """The first products of a category with their prices."""
    limit = app.config["page_size"]
    found = pool.query(
        "SELECT id, name, price_cents FROM products WHERE category = %s ORDER BY id LIMIT %s",
        (int(category), limit),
    )
    prices = app.call("pricing", "POST", "/prices", {"price_cents": [row[2] for row in found]})
    return {
        "products": [
            {"id": row[0], "name": row[1], "total_cents": total}
            for row, total in zip(found, prices["total_cents"], strict=True)
        ]
    }


def stars(number):
    """The average of a product's reviews."""
    found = pool.query("SELECT stars FROM reviews WHERE product_id = %s", (number,))
    return round(sum(row[0] for row in found) / max(len(found), 1), 2)


if __name__ == "__main__":
    app.serve()

"""The tables of the shop's database and what is in them at first."""

CREATE = (
    "CREATE TABLE products (id BIGINT PRIMARY KEY, name TEXT, price_cents BIGINT, category BIGINT)",
    "CREATE TABLE reviews (id BIGINT, product_id BIGINT, stars BIGINT, body TEXT)",
    "CREATE INDEX reviews_product ON reviews (product_id)",
    "CREATE TABLE stock (product_id BIGINT PRIMARY KEY, units BIGINT)",
    "CREATE TABLE orders (id BIGSERIAL PRIMARY KEY, product_id BIGINT, quantity BIGINT, total_cents BIGINT)",
)
PRODUCTS = 200
ROWS = (
    (
        "INSERT INTO products (id, name, price_cents, category) VALUES (%s, %s, %s, %s)",
        [(n, f"product {n}", 500 + 37 * n % 9000, n % 8) for n in range(1, PRODUCTS + 1)],
    ),
    (
        "INSERT INTO stock (product_id, units) VALUES (%s, %s)",
        [(n, 1_000_000) for n in range(1, PRODUCTS + 1)],
    ),
    (
        "INSERT INTO reviews (id, product_id, stars, body) VALUES (%s, %s, %s, %s)",
        [(n, n % PRODUCTS + 1, n % 5 + 1, "as described " * 8) for n in range(1, 2001)],
    ),
)

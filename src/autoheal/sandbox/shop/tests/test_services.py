"""Each service answers as its readers expect."""

from harness import expect


def test_pricing_adds_tax_and_discount():
    request = {"method": "POST", "path": "/price", "body": {"price_cents": 1000, "quantity": 10}}
    expect(service="pricing", requests=[request], body_subset={"total_cents": 10710})


def test_an_order_is_priced_reserved_and_paid():
    request = {"method": "POST", "path": "/orders", "body": {"product": 3, "quantity": 2}}
    expect(service="orders", requests=[request], body_subset={"payment": "settled"})


def test_too_many_are_refused():
    request = {"method": "POST", "path": "/orders", "body": {"product": 3, "quantity": 99}}
    expect(service="orders", requests=[request], status=422)


def test_a_product_has_a_name_and_stars():
    expect(
        service="catalog",
        requests=[{"method": "GET", "path": "/products/7"}],
        body_subset={"id": 7, "name": "product 7"},
    )

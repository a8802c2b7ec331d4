"""Secrets and personal data made from dice: of every kind, in every dress that a log gives them."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable
from random import Random  # noqa: TID251  every use is seeded by its test
from uuid import UUID

_ALNUM = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
Made = Callable[[Random], str]


def _of(rng: Random, letters: str, count: int) -> str:
    return "".join(rng.choice(letters) for _ in range(count))


def _shaped(prefix: str, count: int, letters: str = _ALNUM, suffix: str = "") -> Made:
    return lambda rng: prefix + _of(rng, letters, count) + suffix


def _jwt(rng: Random) -> str:
    parts = [json.dumps({"alg": "HS256"}), json.dumps({"sub": _of(rng, _ALNUM, 12)}), _of(rng, _ALNUM, 32)]
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


def _card(rng: Random) -> str:
    digits = [4, *(rng.randrange(10) for _ in range(14))]
    doubled = [d if i % 2 else sum(divmod(d * 2, 10)) for i, d in enumerate(digits)]
    text = "".join(map(str, [*digits, -sum(doubled) % 10]))
    parts = [text[i : i + 4] for i in range(0, 16, 4)]
    return rng.choice(["", " ", "-"]).join(parts)


def _email(rng: Random) -> str:
    return f"{_of(rng, string.ascii_lowercase, 6)}.{_of(rng, string.ascii_lowercase, 5)}@mail.example.org"


def _phone(rng: Random) -> str:
    return f"+{rng.randrange(30, 59)} {rng.randrange(100, 999)} {rng.randrange(1_000_000, 9_999_999)}"


def _ssn(rng: Random) -> str:
    return f"{rng.randrange(1, 665):03d}-{rng.randrange(1, 99):02d}-{rng.randrange(1, 9999):04d}"


def _iban(rng: Random) -> str:
    account = "".join(str(rng.randrange(10)) for _ in range(18))
    check = 98 - int(account + "131400") % 97  # D is 13, E is 14
    return f"DE{check:02d}{account}"


def _pem(rng: Random) -> str:
    return f"-----BEGIN RSA PRIVATE KEY-----\n{_of(rng, _ALNUM, 120)}\n-----END RSA PRIVATE KEY-----"


SHAPED: dict[str, Made] = {
    "aws": _shaped("AKIA", 16, string.ascii_uppercase + "234567"),
    "github": _shaped("ghp_", 36),
    "github fine": _shaped("github_pat_", 60),
    "gitlab": _shaped("glpat-", 20),
    "slack": lambda rng: f"xoxb-{_of(rng, string.digits, 12)}-{_of(rng, _ALNUM, 24)}",
    "stripe": _shaped("sk_live_", 24),
    "openai": _shaped("sk-proj-", 48),
    "anthropic": _shaped("sk-ant-api03-", 93, _ALNUM + "-_", "AA"),
    "google": _shaped("AIza", 35),
    "npm": _shaped("npm_", 36),
    "sendgrid": lambda rng: f"SG.{_of(rng, _ALNUM, 22)}.{_of(rng, _ALNUM, 43)}",
    "vault": _shaped("hvs.", 24),
    "hugging face": _shaped("hf_", 34),
    "jwt": _jwt,
    "pem": _pem,
    "email": _email,
    "card": _card,
    "phone": _phone,
    "ssn": _ssn,
    "iban": _iban,
}
"""Recognized by their shape, wherever they stand."""

DRESSES: dict[str, Callable[[str], str]] = {
    "prose": lambda s: f"2026-11-20T14:00:00Z ERROR cannot reach peer with {s} after 3 tries",
    "json": lambda s: json.dumps({"level": "error", "msg": f"got {s}", "took_ms": 12}),
    "logfmt": lambda s: f'level=info msg="user sent {s}" status=500',
    "query": lambda s: f"GET /pay?x=1&v={s.replace(' ', '%20')} HTTP/1.1" if "\n" not in s else s,
}

NAMED: tuple[str, ...] = (
    "password={}",
    "DB_PASSWORD={} HOST=db",
    '{{"password": "{}", "user": "ann"}}',
    "password: {}",
    "api_key='{}'",
    "X-Api-Key: {}",
    "client_secret={}&grant_type=code",
    "/login?access_token={}&next=/",
    "Authorization: Bearer {}",
    "authorization=Basic {}",
    "postgresql://app:{}@db.internal:5432/orders",
    "mysql --user app --password {} -h db",
    "export AWS_SECRET_ACCESS_KEY={}",
    "Cookie: session={}; theme=dark",
    'secret := "{}"',
    'msg="retry with password={}" code=3',
    '{{\\"token\\":\\"{}\\"}}',
    "config.db.passwd = {}",
    "PGPASSWORD={} pg_dump",
    "pass: {}",
)
"""Recognized by the name before them, whatever they look like."""


def passphrase(rng: Random) -> str:
    """A secret without any shape of its own."""
    return _of(rng, _ALNUM + "!#%*+-.^_~", rng.randrange(8, 24)) + _of(rng, _ALNUM, 2)


def harmless(rng: Random) -> str:
    """A line of a log that holds nothing secret, though it looks busy."""
    lines = (
        f"trace_id={_of(rng, _HEX, 32)} span_id={_of(rng, _HEX, 16)} took {rng.randrange(9_999)} ms",
        f"sha256:{_of(rng, _HEX, 64)} pulled in {rng.random():.3f}s",
        f"order {rng.randrange(10**9, 10**10)} of cart {_of(rng, _HEX, 8)}-{_of(rng, _HEX, 4)} stored",
        f"pod checkout-{_of(rng, string.ascii_lowercase, 9)}-{_of(rng, _ALNUM.lower(), 5)} is ready",
        f"10.{rng.randrange(256)}.{rng.randrange(256)}.7:5432 connection refused, attempt {rng.randrange(9)}",
        f"ts={1_795_183_600 + rng.random() * 1e6:.6f} level=warn queue_length={rng.randrange(10**6)}",
        f"at {1_795_183_600_000_000_000 + rng.randrange(10**15)} ns the gauge read {rng.random():e}",
        f"commit {_of(rng, _HEX, 40)} deployed to production as release {rng.randrange(99)}",
        f"GET /products/{rng.randrange(10**6)}?page={rng.randrange(99)}&sort=price HTTP/1.1 200",
        f"password check failed {rng.randrange(9)} times; token expired; session closed",
        f"max_tokens={rng.randrange(9_999)} tokens: {rng.randrange(9_999)} next_token=null auth: denied",
        f"uuid {UUID(int=rng.getrandbits(128), version=4)} of cart",
        f"image registry.internal:5000/shop/cart@sha256:{_of(rng, _HEX, 64)}",
        f"2026-11-{rng.randrange(10, 30)} 14:{rng.randrange(10, 60)}:07 +0200 clock skew {rng.random():.4f}",
        f"cloned git@github.com:acme/checkout.git at v2.{rng.randrange(99)}.0",
        f'rate(http_requests_total{{service="cart"}}[5m]) > {rng.random():.3f} for {rng.randrange(99)}s',
        f"heap {rng.randrange(10**12)} bytes, {rng.randrange(10**4)}-{rng.randrange(10**4)} ids, key=cart:7",
    )
    return rng.choice(lines)

"""The table of what a secret or personal datum looks like; shapes are those that the vendors document.

Checked against the public rule list of gitleaks (MIT) for which vendors to know. Every pattern is linear: no
nested repetition, bounded counts, so that a hostile line cannot make the search slow.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_WORD = r"[A-Za-z0-9_-]"
_ALNUM = r"[A-Za-z0-9]"
_FREE = r"(?<![A-Za-z0-9_-])"
"""Where a token may begin: not inside another word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One kind of secret: found only where a hint (lower case) occurs; group `secret`, else all of it."""

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    valid: Callable[[str], bool] | None = None


def _shape(
    kind: str, hints: str, pattern: str, valid: Callable[[str], bool] | None = None, *, any_case: bool = False
) -> Shape:
    flags = re.IGNORECASE if any_case else 0
    return Shape(kind=kind, hints=tuple(hints.split()), pattern=re.compile(pattern, flags), valid=valid)


def luhn(text: str) -> bool:
    """Whether the digits are a payment card number: issuer's prefix, length, check digit."""
    digits = _digits(text)
    if not _ISSUERS.fullmatch("".join(map(str, digits))):
        return False
    doubled = [d if i % 2 == 0 else sum(divmod(d * 2, 10)) for i, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _digits(text: str) -> list[int]:
    """Its digits, but for those of a space as addresses write it."""
    return [int(c) for c in text.replace("%20", "") if c.isdigit()]


_ISSUERS = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}|3[47]\d{13}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
)


_PHONE_DIGITS = range(9, 16)


def iban(text: str) -> bool:
    """Whether the check digits of an international bank account number hold (ISO 13616: modulo 97 is 1)."""
    plain = text.replace(" ", "")
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def phone(text: str) -> bool:
    """Whether it has as many digits as a telephone number (E.164: at most 15)."""
    return len(_digits(text)) in _PHONE_DIGITS


def _random(text: str) -> bool:
    return any(c.isdigit() for c in text) or len(text) >= _LONG


def _mixed(text: str) -> bool:
    """No name of a metric or module: those are small letters."""
    return any(c.isdigit() or c.isupper() for c in text)


_LONG = 20
"""Letters after `bearer` from which they are no word of a sentence."""

NAMES_END = (
    *("password", "passwd", "passphrase", "passcode", "pwd", "secret", "token", "apikey", "accesskey"),
    *("secretkey", "privatekey", "signingkey", "encryptionkey", "accountkey", "masterkey", "sharedkey"),
    *("authkey", "appkey", "credential", "credentials", "authorization", "sessionid", "cvv", "cvc", "ssn"),
    *("passwordhash", "secretaccesskey", "connectionstring", "dsn"),
)
"""How the names of secrets end, in small letters and nothing but letters."""

NAME_HINTS = (
    *("pass", "pw", "secret", "token", "key", "credential", "authorization", "session", "cv", "ssn", "dsn"),
    *("connection", "pin", "otp"),
)
"""One of these stands in each such name, however its words are joined."""

NOT_SECRET = frozenset(
    (
        *("", "true", "false", "null", "none", "nil", "undefined", "empty", "missing", "expired", "invalid"),
        *("valid", "incorrect", "wrong", "required", "revoked", "denied", "unauthorized", "forbidden"),
        *("refused", "rejected", "unknown", "not", "is", "was", "were", "has", "must", "cannot", "could"),
        *("failed", "ok", "error", "no", "yes", "set", "unset", "changed", "rotated", "reset", "and", "or"),
        *("for", "of", "in", "on", "to", "from", "with", "the", "a", "an", "bearer", "basic", "digest"),
        *("string", "str", "int", "too", "redacted", "hidden", "secretstr", "optional"),
    )
)
"""What a log says about a secret without telling it."""

SHAPES: tuple[Shape, ...] = (
    _shape(
        "private-key",
        "private",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.{0,20000}?"
        r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)".replace(".{", r"[\s\S]{"),
    ),
    _shape("autoheal-token", "ahl_", rf"{_FREE}ahl_{_WORD}{{43}}"),
    _shape("age-key", "age-secret", r"AGE-SECRET-KEY-1[0-9A-Z]{20,80}"),
    _shape("aws-key", "akia asia abia acca", rf"{_FREE}(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{{16}}(?![A-Z0-9])"),
    _shape("github-token", "gh", rf"{_FREE}gh[pousr]_{_ALNUM}{{20,255}}"),
    _shape("github-token", "github_pat_", rf"{_FREE}github_pat_\w{{20,255}}"),
    _shape(
        "gitlab-token", "gl", rf"{_FREE}gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[\w.-]{{16,255}}"
    ),
    _shape("slack-token", "xox xapp", rf"{_FREE}(?:xox[abeoprs]|xapp)-{_WORD}{{10,255}}"),
    _shape(
        "slack-webhook",
        "hooks.slack",
        r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[\w/-]{8,255}",
    ),
    _shape("stripe-key", "_live_ _test_", rf"{_FREE}(?:sk|rk|pk)_(?:live|test)_{_ALNUM}{{10,255}}"),
    _shape("webhook-secret", "whsec_", rf"{_FREE}whsec_[\w+/=-]{{16,255}}"),
    _shape("model-key", "sk-", rf"{_FREE}sk-{_WORD}{{20,255}}"),
    _shape("google-key", "aiza", rf"{_FREE}AIza{_WORD}{{30,60}}"),
    _shape("google-token", "ya29. gocspx", rf"{_FREE}(?:ya29\.[\w.-]{{20,2000}}|GOCSPX-{_WORD}{{20,60}})"),
    _shape("npm-token", "npm_", rf"{_FREE}npm_{_ALNUM}{{30,60}}"),
    _shape("pypi-token", "pypi-", rf"{_FREE}pypi-{_WORD}{{30,300}}"),
    _shape("sendgrid-key", "sg.", rf"{_FREE}SG\.{_WORD}{{16,40}}\.{_WORD}{{20,80}}"),
    _shape(
        "vendor-token",
        "do shp hf_ dckr_pat_ lin_api_ glsa_ glc_ hvs. hvb. atatt3 nvapi- sntry pmak- xkeysib- rubygems_ ops_"
        " ahl_ sq0 pscale_ dapi dp.st. r8_ fly",
        rf"{_FREE}(?:do[opr]_v1_|shp(?:at|ss|ca|pa)_|hf_|dckr_pat_|lin_api_|glsa_|glc_|hv[sb]\.|ATATT3|nvapi-"
        r"|sntry[su]_|PMAK-|xkeysib-|rubygems_|ops_eyJ|ahl_|sq0[a-z]{3}-|pscale_\w{2,5}_|dapi|dp\.st\.|r8_"
        r"|fly[A-Za-z0-9]{0,3}_)[A-Za-z0-9_+/=.-]{20,2000}",
        _mixed,
    ),
    _shape("twilio-key", "sk ac", rf"{_FREE}(?:SK|AC)[0-9a-f]{{32}}(?![0-9A-Za-z])"),
    _shape("telegram-token", ":aa", rf"{_FREE}\d{{8,10}}:AA{_WORD}{{33}}"),
    _shape("mailgun-key", "key-", rf"{_FREE}key-[0-9a-f]{{32}}(?![0-9A-Za-z])"),
    _shape("jwt", "eyj", r"(?<![\w-])eyJ[\w-]{5,4000}\.[\w-]{5,8000}(?:\.[\w-]{0,2000})?"),
    _shape(
        "password-hash", "$2 $argon2 $6$ $5$ $1$ $y$", r"\$(?:2[abxy]|argon2i?d?|[156y])\$[\w./$=,+-]{20,300}"
    ),
    _shape(
        "authorization",
        "authorization",
        r"\bauthorization\\{0,2}[\"']?\s{0,2}[:=]\s{0,2}\\{0,2}[\"']?(?:[a-z]{3,20}[ \t]{1,4})?"
        r"(?P<secret>[^\s\"'\\,;]{6,4000})",
        any_case=True,
    ),
    _shape(
        "authorization",
        "bearer basic digest apikey",
        r"\b(?:bearer|basic|digest|apikey)[ \t]{1,4}(?P<secret>[A-Za-z0-9._~+/-]{12,4000}={0,2})",
        _random,
        any_case=True,
    ),
    _shape(
        "url-password",
        "://",
        r"[a-z][a-z0-9+.-]{1,30}://[^\s/:@\"']{0,200}:(?P<secret>[^\s/@\"']{1,400})@",
        any_case=True,
    ),
    _shape(
        "cookie",
        "cookie",
        r"\b(?:set-)?cookie2?\\?[\"']?\s{0,2}[:=]\s{0,2}\\?[\"']?(?P<secret>[^\r\n\"']{4,4000})",
        any_case=True,
    ),
    _shape(
        "email",
        "@",
        r"(?<![\w.+-])(?!git@)[\w.+%-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])",
    ),
    _shape(
        "iban",
        "0 1 2 3 4 5 6 7 8 9",
        r"(?<![A-Za-z0-9])(?=[A-Z0-9 ]{15})[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?"
        r"(?![A-Za-z0-9])",
        iban,
    ),
    _shape("card", "3 4 5 6 2", r"(?<![\w.-])[2-6]\d{3}(?:(?:[ -]|%20)?\d{2,6}){2,4}(?![\w-]|\.\d)", luhn),
    _shape("ssn", "-", r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])"),
    _shape(
        "phone",
        "+ -",
        r"(?<![\w.+-])(?:\+\d{1,3}(?:[ .-]|%20)?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:(?:[ .-]|%20)?\d{2,4}){1,4}"
        r"|(?:\([2-9]\d\d\) ?|[2-9]\d\d-)\d{3}-\d{4})(?![\w-])",
        phone,
    ),
)

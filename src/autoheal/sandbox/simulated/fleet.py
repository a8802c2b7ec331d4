"""Fleets of made-up services: other names and other shapes, so that nothing learned rests on a name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Services that call each other; the first one is where requests come in."""

    name: str
    calls: tuple[tuple[str, str], ...]

    @property
    def services(self) -> tuple[str, ...]:
        """Every service, callers before those that they call."""
        return tuple(dict.fromkeys(name for pair in self.calls for name in pair))

    @property
    def entry(self) -> str:
        """The service that outside requests reach first."""
        return self.calls[0][0]

    def callees(self, service: str) -> tuple[str, ...]:
        """Whom a service calls."""
        return tuple(callee for caller, callee in self.calls if caller == service)


def _fleet(name: str, *calls: str) -> Fleet:
    pairs = [call.split(">") for call in calls]
    return Fleet(name=name, calls=tuple((caller, callee) for caller, callee in pairs))


FLEETS = (
    _fleet(
        "shop", "storefront>basket", "storefront>search", "basket>billing", "basket>stock", "billing>ledger"
    ),
    _fleet(
        "travel",
        "portal>flights",
        "portal>hotels",
        "flights>fares",
        "hotels>fares",
        "fares>currency",
        "portal>loyalty",
    ),
    _fleet("media", "player>playlist", "playlist>rights", "player>transcoder", "transcoder>blobs"),
    _fleet(
        "bank", "teller>accounts", "teller>transfers", "transfers>clearing", "accounts>kyc", "clearing>rates"
    ),
)
"""Four productions that one Autoheal looks after."""

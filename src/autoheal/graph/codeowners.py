"""CODEOWNERS as facts: who owns a repository, and which of its services. Pure.

Later lines win, as on the forges (docs.github.com, "About code owners").
"""

from __future__ import annotations

import re
from datetime import datetime

from autoheal.domain.fact import Method, Node, NodeKind, Relation
from autoheal.graph.told import Telling, Told

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""Where the forges look, the first that is there counts."""
_OF_A_SERVICE = re.compile(r"^/?(?:services|apps|packages|cmd)/([\w.-]+)/?(?:\*{1,2})?$")
_EVERYTHING = frozenset({"*", "/", "/**", "/*"})
_OWNER = re.compile(r"^@?[\w.+-]+(?:/[\w.+-]+)?(?:@[\w.-]+)?$")


def owners(text: str, *, repository: str, source: str, at: datetime) -> Told:
    """The owners that the file names; what it says of single files is not about a service."""
    telling = Telling(source=source, method=Method.DECLARED, at=at, extractor="codeowners@1")
    found: dict[str, tuple[NodeKind, list[str]]] = {}
    for line in text.splitlines():
        pattern, *named = line.partition("#")[0].split() or [""]
        named = [each for each in named if _OWNER.match(each)]
        service = _OF_A_SERVICE.match(pattern)
        if pattern in _EVERYTHING:
            found[repository] = (NodeKind.REPO, named)
        elif service is not None:
            found[service[1]] = (NodeKind.SERVICE, named)
    for name, (kind, named) in found.items():
        node = telling.node(kind, name)
        for each in named:
            owner = _owner(each, telling)
            telling.fact(node, Relation.OWNED_BY, owner, f"{name} is owned by {owner.name}")
    return telling.told(whole=(Relation.OWNED_BY,))


def _owner(written: str, telling: Telling) -> Node:
    """`@org/team` is a team; `@name` and a mail address are people."""
    if written.startswith("@") and "/" in written:
        return telling.node(NodeKind.TEAM, written.partition("/")[2])
    return telling.node(NodeKind.PERSON, written.removeprefix("@").partition("@")[0])

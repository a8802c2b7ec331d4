"""Backstage `catalog-info.yaml` as facts: services, systems, owners, dependencies, names elsewhere. Pure.

Format: backstage.io/docs/features/software-catalog/descriptor-format. What is unknown to us is left
alone; what the format requires and is missing or wrong is refused with file and line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from autoheal.domain.fact import Method, Node, NodeKind, Relation
from autoheal.graph.strict_yaml import Place, read
from autoheal.graph.told import Telling, Told

_NAME = re.compile(r"^[a-zA-Z0-9]+([-_.][a-zA-Z0-9]+)*$")
_MOST_NAME = 63
_REF = re.compile(r"^(?:(?P<kind>[a-zA-Z]+):)?(?:(?P<scope>[a-zA-Z0-9\-_.]+)/)?(?P<name>[a-zA-Z0-9\-_.]+)$")
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "Component": ("type", "lifecycle", "owner"),
    "API": ("type", "lifecycle", "owner", "definition"),
    "Resource": ("type", "owner"),
    "System": ("owner",),
    "Domain": ("owner",),
    "Group": ("type", "children"),
    "User": ("memberOf",),
    "Location": (),
}
_KINDS: Mapping[str, NodeKind] = {
    "component": NodeKind.SERVICE,
    "resource": NodeKind.RESOURCE,
    "api": NodeKind.RESOURCE,
    "system": NodeKind.SYSTEM,
    "domain": NodeKind.SYSTEM,
    "group": NodeKind.TEAM,
    "user": NodeKind.PERSON,
}
_ALIASES: Mapping[str, str] = {
    "github.com/project-slug": "github.repo",
    "gitlab.com/project-slug": "gitlab.repo",
    "backstage.io/kubernetes-id": "k8s.deployment",
    "pagerduty.com/service-id": "pagerduty.service",
    "opsgenie.com/component-selector": "opsgenie.component",
    "sentry.io/project-slug": "sentry.project",
    "argocd/app-name": "argocd.app",
    "jira/project-key": "jira.project",
}
"""Annotations that name the thing elsewhere."""
WHOLE = (
    Relation.OWNED_BY,
    Relation.PART_OF,
    Relation.DEPENDS_ON,
    Relation.BUILT_FROM,
    Relation.MONITORS,
    Relation.MEMBER_OF,
)
"""A file says all it knows of these: what it no longer says has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entity:
    kind: str
    node: Node
    metadata: Mapping[str, Place]
    spec: Mapping[str, Place]

    def texts(self, key: str) -> Iterator[tuple[Place, str]]:
        place = self.spec.get(key)
        for item in place.items() if place is not None else ():
            yield item, item.text(at_most=200)


def catalog(text: str, *, file: str, source: str, at: datetime) -> Told:
    """What a catalog file declares; raises ConfigError naming file and line."""
    telling = Telling(source=source, method=Method.DECLARED, at=at, extractor="backstage@1")
    for place in _documents(text, file):
        entity = _entity(place, telling)
        if entity is not None:
            _relations(entity, telling)
    return telling.told(whole=WHOLE)


def _documents(text: str, file: str) -> Iterator[Place]:
    line, kept = 1, list[str]()
    for number, content in enumerate([*text.splitlines(), "---"], start=1):
        if content.rstrip() == "---":
            if any(each.strip() and not each.lstrip().startswith("#") for each in kept):
                yield read("\n".join(kept), file=file, first_line=line)
            line, kept = number + 1, []
        else:
            kept.append(content)


def _entity(place: Place, telling: Telling) -> _Entity | None:
    fields = place.fields()
    missing = [key for key in ("apiVersion", "kind", "metadata") if key not in fields]
    if missing:
        place.fail(f"misses {', '.join(missing)}")
    if not fields["apiVersion"].text().startswith("backstage.io/"):
        fields["apiVersion"].fail("needs backstage.io/v1alpha1")
    kind = fields["kind"].text()
    if kind not in _REQUIRED:
        fields["kind"].fail(f"is no kind of the catalog; known: {', '.join(_REQUIRED)}")
    spec = fields["spec"].fields() if "spec" in fields else {}
    absent = [key for key in _REQUIRED[kind] if key not in spec]
    if absent:
        fields.get("spec", place).fail(f"a {kind} needs {', '.join(absent)}")
    metadata = fields["metadata"].fields()
    name = _name(metadata, fields["metadata"])
    if kind == "Location":
        return None
    node = telling.node(
        _KINDS[kind.lower()],
        name,
        title=_text(metadata, "title"),
        attributes=_attributes(kind, metadata, spec),
    )
    return _Entity(kind=kind, node=node, metadata=metadata, spec=spec)


def _name(metadata: Mapping[str, Place], place: Place) -> str:
    if "name" not in metadata:
        place.fail("misses name")
    name = metadata["name"].text(at_most=200)
    if len(name) > _MOST_NAME or not _NAME.match(name):
        metadata["name"].fail("needs 1 to 63 letters and digits, joined by - _ or .")
    return name


def _text(fields: Mapping[str, Place], key: str) -> str:
    return fields[key].text(at_most=500) if key in fields else ""


def _attributes(kind: str, metadata: Mapping[str, Place], spec: Mapping[str, Place]) -> dict[str, str]:
    labels = metadata["labels"].fields() if "labels" in metadata else {}
    return {
        "type": _text(spec, "type") or ("api" if kind == "API" else kind.lower()),
        "lifecycle": _text(spec, "lifecycle"),
        "tier": _text(labels, "tier"),
        "description": _text(metadata, "description"),
    }


def _relations(entity: _Entity, telling: Telling) -> None:
    node = entity.node
    if "owner" in entity.spec:
        owner = _ref(entity.spec["owner"], entity.spec["owner"].text(), "group", telling)
        telling.fact(node, Relation.OWNED_BY, owner, f"{node.name} is owned by {owner.name}")
    for key in ("system", "domain"):
        if key in entity.spec:
            whole = _ref(entity.spec[key], entity.spec[key].text(), key, telling)
            telling.fact(node, Relation.PART_OF, whole, f"{node.name} is part of {whole.name}")
    for key, default in (("dependsOn", "component"), ("consumesApis", "api")):
        for place, text in entity.texts(key):
            other = _ref(place, text, default, telling)
            telling.fact(node, Relation.DEPENDS_ON, other, f"{node.name} depends on {other.name}")
    for place, text in entity.texts("dependencyOf"):
        other = _ref(place, text, "component", telling)
        telling.fact(other, Relation.DEPENDS_ON, node, f"{other.name} depends on {node.name}")
    _members(entity, telling)
    _names_elsewhere(entity, telling)


def _members(entity: _Entity, telling: Telling) -> None:
    node = entity.node
    for place, text in entity.texts("members"):
        person = _ref(place, text, "user", telling)
        telling.fact(person, Relation.MEMBER_OF, node, f"{person.name} is a member of {node.name}")
    for place, text in entity.texts("memberOf"):
        team = _ref(place, text, "group", telling)
        telling.fact(node, Relation.MEMBER_OF, team, f"{node.name} is a member of {team.name}")


def _names_elsewhere(entity: _Entity, telling: Telling) -> None:
    place = entity.metadata.get("annotations")
    annotations = place.fields() if place is not None else {}
    node = entity.node
    for annotation, scheme in _ALIASES.items():
        if annotation in annotations:
            telling.alias(scheme, annotations[annotation].text(at_most=200), node)
    slug = annotations.get("github.com/project-slug") or annotations.get("gitlab.com/project-slug")
    if slug is not None:
        repository = telling.node(NodeKind.REPO, slug.text(at_most=200))
        telling.fact(node, Relation.BUILT_FROM, repository, f"{node.name} is built from {repository.name}")
    if "prometheus.io/alert" in annotations:
        for name in filter(None, map(str.strip, annotations["prometheus.io/alert"].text().split(","))):
            rule = telling.node(NodeKind.ALERT_RULE, name)
            telling.fact(rule, Relation.MONITORS, node, f"{name} watches {node.name}")


def _ref(place: Place, text: str, default: str, telling: Telling) -> Node:
    """`[kind:][namespace/]name`; the name is what telemetry uses, so the namespace is not part of our own."""
    match = _REF.match(text.strip())
    kind = (match["kind"] or default).lower() if match else ""
    if match is None or kind not in _KINDS:
        place.fail(f"{text!r} is no reference such as group:default/payments")
    return telling.node(_KINDS[kind], match["name"])

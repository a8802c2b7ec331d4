"""Reads a policy file: strict, small, and never wider than written."""

from __future__ import annotations

import difflib

import yaml
from pydantic import ValidationError

from autoheal.domain.errors import ConfigError
from autoheal.policy.policy import Policy, Strict

MAX_BYTES = 65_536


def parse(text: str, *, where: str) -> Policy:
    """The policy in the text; raises ConfigError with the place and what to do."""
    if len(text.encode()) > MAX_BYTES:
        raise ConfigError(f"{where}: larger than {MAX_BYTES} bytes; a policy is a short file")
    try:
        # Anchors, aliases and tags can hide or multiply content: refused before anything is built.
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AnchorToken | yaml.AliasToken | yaml.TagToken):
                mark = token.start_mark
                raise ConfigError(f"{where}:{mark.line + 1}: anchors, aliases and tags are not allowed")
        _refuse_duplicates(yaml.compose(text, Loader=yaml.SafeLoader), where)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{where}: a policy is a table of settings, this is {type(content).__name__}")
    try:
        return Policy.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_first(error)}") from None


def _refuse_duplicates(node: yaml.Node | None, where: str) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise ConfigError(f"{where}:{key.start_mark.line + 1}: {key.value} is given twice")
            seen.add(key.value)
            _refuse_duplicates(value, where)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicates(item, where)


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{place}: no such setting{_suggestion(str(problem['loc'][-1]))}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {message} (got {problem['input']!r})"


def _suggestion(name: str) -> str:
    known = {field.alias or key for model in _models() for key, field in model.model_fields.items()}
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _models() -> list[type[Strict]]:
    return Strict.__subclasses__()

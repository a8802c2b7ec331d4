"""What a patch that only observes may add to Python code: log lines and metrics, and no other behavior."""

from __future__ import annotations

import ast
import copy
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from autoheal.policy.masking import sensitive

MAX_LINES = 60
"""Lines that such a patch may add in all."""

_LEVELS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
_COUNTS = frozenset({"inc", "observe", "set", "dec"})
_METRICS = frozenset({"Counter", "Gauge", "Histogram", "Summary"})
_MODULES = frozenset({"logging", "prometheus_client"})
_PURE_CALLS = frozenset({"str", "repr", "len", "type"})
_PURE = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.JoinedStr, ast.FormattedValue, ast.Dict, ast.Tuple),
    *(ast.List, ast.Compare, ast.BoolOp, ast.UnaryOp),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watches:
    """A file whose patch only observes; marked is its text with a trace after each new line that observes."""

    marked: str
    added: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sinks:
    """Names through which a file may observe: loggers, metrics, and functions that the repository logs by."""

    loggers: frozenset[str]
    metrics: frozenset[str]
    functions: frozenset[str]


def watches(before: str, after: str, *, logs: Collection[str], mark: str) -> Watches | str:
    """The patched file, if the patch only adds log lines and metrics; else why not, in one line.

    logs names the functions by which the repository logs already, such as `app.log`; mark is a statement that
    leaves a trace when it is reached.
    """
    try:
        old, new = ast.parse(before), ast.parse(after)
    except SyntaxError as error:
        return f"it is no valid Python: {error.msg}"
    sinks = _sinks(new, frozenset(logs))
    added = _new(list(_observing(new, sinks)), [ast.dump(node) for node in _observing(old, sinks)])
    if added is None:
        return "it removes or changes a log line or metric that there was"
    if (why := _objection(old, new, sinks, added)) is not None:
        return why
    return Watches(marked=_marked(new, added, mark), added=len(added))


def _objection(old: ast.Module, new: ast.Module, sinks: _Sinks, added: list[ast.Expr]) -> str | None:
    known = {node.id for node in ast.walk(old) if isinstance(node, ast.Name)}
    if taken := known & (_declared(new) - _declared(old)):
        return f"it gives {min(taken)} another meaning"
    if ast.dump(_bare(old, sinks)) != ast.dump(_bare(new, sinks)):
        return "it changes more than log lines and metrics, or observes in a way that could do something"
    if not added:
        return "it adds no log line and no metric that is counted"
    if named := [word for node in added for word in _words(node) if sensitive(word)]:
        return f"it would write {named[0]}, which may be a secret"
    return None


def _sinks(tree: ast.Module, functions: frozenset[str]) -> _Sinks:
    found = [(target, call) for node in tree.body for target, call in _declarations(node)]
    loggers = {name for name, maker in found if maker == "logging.getLogger"}
    metrics = {name for name, maker in found if maker.rpartition(".")[2] in _METRICS}
    return _Sinks(loggers=frozenset({*loggers, "logging"}), metrics=frozenset(metrics), functions=functions)


def _declarations(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """A name that is bound to a logger or a metric, with what makes it."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.value, ast.Call):
        return
    target, maker = node.targets[0], ast.unparse(node.value.func)
    last = maker.rpartition(".")[2]
    makes = maker == "logging.getLogger" or (
        last in _METRICS and maker in (last, f"prometheus_client.{last}")
    )
    if isinstance(target, ast.Name) and makes and _pure_arguments(node.value):
        yield target.id, maker


def _declared(tree: ast.Module) -> set[str]:
    names = {name for node in tree.body for name, _ in _declarations(node)}
    imported = (alias for node in tree.body if _imports(node) for alias in _aliases(node))
    return names | {alias.asname or alias.name for alias in imported}


def _imports(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import):
        return all(alias.name in _MODULES for alias in node.names)
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == "prometheus_client"
        and not node.level
        and all(alias.name in _METRICS for alias in node.names)
    )


def _aliases(node: ast.stmt) -> list[ast.alias]:
    return node.names if isinstance(node, ast.Import | ast.ImportFrom) else []


class _Bare(ast.NodeTransformer):
    """Takes out all that observes."""

    def __init__(self, sinks: _Sinks) -> None:
        self._sinks = sinks

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """No statement that only observes."""
        return None if _observes(node, self._sinks) else node

    def visit_If(self, node: ast.If) -> ast.AST | None:
        """No condition under which nothing but observing is done."""
        had = bool(node.body)
        self.generic_visit(node)
        return None if had and not node.body and not node.orelse and _pure(node.test) else node

    def visit_Try(self, node: ast.Try) -> ast.AST | list[ast.stmt]:
        """No handler that observes an exception and raises it again: the work under it stays."""
        self.generic_visit(node)
        passes = all(_passes_on(handler) for handler in node.handlers)
        return node.body if passes and node.handlers and not (node.orelse or node.finalbody) else node


def _passes_on(handler: ast.ExceptHandler) -> bool:
    last = handler.body[0] if len(handler.body) == 1 else None
    raises = isinstance(last, ast.Raise) and last.exc is None
    return raises and (handler.type is None or _pure(handler.type))


def _bare(tree: ast.Module, sinks: _Sinks) -> ast.Module:
    """The module without what observes, and without its loggers and metrics."""
    body = [node for node in copy.deepcopy(tree).body if not _imports(node) and not list(_declarations(node))]
    bare: ast.Module = _Bare(sinks).visit(ast.Module(body=body, type_ignores=[]))
    return bare


def _observing(tree: ast.Module, sinks: _Sinks) -> Iterator[ast.Expr]:
    """The statements that observe, in the order of their lines."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Expr) and _observes(node, sinks)]
    yield from sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _observes(node: ast.Expr, sinks: _Sinks) -> bool:
    call = node.value
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    receiver, does = call.func.value, call.func.attr
    if isinstance(receiver, ast.Call):  # METRIC.labels(...).inc()
        labels = receiver.func
        inner = isinstance(labels, ast.Attribute) and labels.attr == "labels" and _pure_arguments(receiver)
        name = ast.unparse(labels.value) if inner and isinstance(labels, ast.Attribute) else ""
        return name in sinks.metrics and does in _COUNTS and _pure_arguments(call)
    name = ast.unparse(receiver)
    sink = (
        (name in sinks.loggers and does in _LEVELS)
        or (name in sinks.metrics and does in _COUNTS)
        or f"{name}.{does}" in sinks.functions
    )
    return sink and _pure_arguments(call)


def _pure_arguments(call: ast.Call) -> bool:
    return all(_pure(value) for value in (*call.args, *(word.value for word in call.keywords)))


def _pure(value: ast.expr) -> bool:
    """Whether reading the value does nothing: names, constants, and text made of them."""
    if isinstance(value, ast.Call):
        named = isinstance(value.func, ast.Name) and value.func.id in _PURE_CALLS
        return named and not value.keywords and all(_pure(inner) for inner in value.args)
    inner = [node for node in ast.iter_child_nodes(value) if isinstance(node, ast.expr)]
    return isinstance(value, _PURE) and all(_pure(node) for node in inner)


def _new(found: list[ast.Expr], kept: list[str]) -> list[ast.Expr] | None:
    """Those that were not there before; None where one that was there is missing."""
    left, added = list(kept), []
    for node in found:
        if left and ast.dump(node) == left[0]:
            left.pop(0)
        else:
            added.append(node)
    return None if left else added


def _words(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        elif isinstance(inner, ast.Attribute):
            yield inner.attr
        elif isinstance(inner, ast.keyword) and inner.arg:
            yield inner.arg


def _marked(tree: ast.Module, added: list[ast.Expr], mark: str) -> str:
    """The file with the mark after each of the statements: it is reached only where they did not fail."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                marks = ((one, *ast.parse(mark).body) if one in added else (one,) for one in block)
                setattr(node, field, [one for pair in marks for one in pair])
    return ast.unparse(tree)

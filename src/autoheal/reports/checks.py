"""Is everything there that healing needs? Each check says ok, warn, fail or skip, and the mend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from autoheal.domain.errors import AutohealError, NotFoundError, UnreachableError
from autoheal.domain.evidence import Failed
from autoheal.policy.policy import Mode, Policy
from autoheal.ports.chat import Chat, ChatLine
from autoheal.ports.production import Actuator, Forge
from autoheal.ports.proving import Prover
from autoheal.ports.stores import AlertStore, MitigationStore
from autoheal.ports.telemetry import Changes, Logs, Metrics, QueryResult, Traces


class Status(StrEnum):
    """How a check ended; skip means that it was not asked, because nothing is configured."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at: what was seen, what to do about it, and how long it took."""

    name: str
    group: str
    status: Status
    text: str
    mend: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A named look at one thing; what it raises becomes a failed check with this mend."""

    name: str
    group: str
    look: Callable[[], Seen]
    mend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a probe saw; a mend only where it differs from the probe's own."""

    status: Status
    text: str
    mend: str = ""


def run(probes: Iterable[Probe], *, timer: Callable[[], float]) -> tuple[Check, ...]:
    """Run every probe; one that fails stops no other. The timer gives seconds."""
    return tuple(_run(probe, timer) for probe in probes)


def healthy(checks: Iterable[Check]) -> bool:
    """Whether nothing failed; a warning does not stop the work."""
    return all(check.status is not Status.FAIL for check in checks)


def _run(probe: Probe, timer: Callable[[], float]) -> Check:
    began = timer()
    try:
        seen = probe.look()
    except (AutohealError, OSError) as error:
        seen = Seen(status=Status.FAIL, text=str(error))
    good = seen.status in (Status.OK, Status.SKIP)
    return Check(
        name=probe.name,
        group=probe.group,
        status=seen.status,
        text=seen.text,
        mend=seen.mend or ("" if good else probe.mend),
        seconds=timer() - began,
    )


def ok(text: str) -> Seen:
    """It is as it should be."""
    return Seen(status=Status.OK, text=text)


def warn(text: str, mend: str = "") -> Seen:
    """It works, but not as well as it could."""
    return Seen(status=Status.WARN, text=text, mend=mend)


def fail(text: str, mend: str = "") -> Seen:
    """It does not work."""
    return Seen(status=Status.FAIL, text=text, mend=mend)


def skip(text: str) -> Seen:
    """Nothing is configured here."""
    return Seen(status=Status.SKIP, text=text)


def store_probe(alerts: AlertStore) -> Probe:
    """The database takes a write lock and has the tables we need."""

    def look() -> Seen:
        with alerts.exclusively():
            waiting = len(alerts.unhandled_events())
        if waiting:
            return warn(f"writable; {waiting} deliveries wait to be handled", "start `autoheal serve`")
        return ok("writable, schema up to date")

    return Probe(
        name="database", group="storage", look=look, mend="check database.url, its disk and its rights"
    )


def metrics_probe(metrics: Metrics | None, *, label: str, now: datetime) -> Probe:
    """The metrics backend answers, is fed, and its series name services by our label."""

    def look() -> Seen:
        if metrics is None:
            return fail("no metrics backend is configured", "set sources.prometheus.url")
        names = metrics.catalog()
        if not names:
            return fail(f"{metrics.name} answers but knows no metric", "check that it scrapes something")
        labelled = _rows(metrics.instant(f'count by ({label}) (up{{{label}!=""}})', at=now.timestamp()))
        if not labelled:
            return warn(
                f"{metrics.name}: {len(names)} metrics, but no `up` series has the label {label!r}",
                "set healing.entity_label to the label that names the service",
            )
        return ok(f"{metrics.name}: {len(names)} metrics of {len(labelled)} services")

    return Probe(name="metrics", group="telemetry", look=look, mend="check sources.prometheus.url")


def rules_probe(metrics: Metrics | None) -> Probe:
    """There are alerting rules, without which nothing ever calls us."""

    def look() -> Seen:
        if metrics is None:
            return skip("no metrics backend")
        rules = metrics.alert_rules()
        if not rules:
            return warn(f"{metrics.name} has no alerting rule")
        return ok(f"{len(rules)} alerting rules, {sum(r.state == 'firing' for r in rules)} firing")

    return Probe(
        name="alert rules", group="telemetry", look=look, mend="load alerting rules: nothing calls us"
    )


MAX_LAG_SECONDS = 300
"""Samples older than this, or newer than now by as much, mean that clocks or scrapes are off."""


def clock_probe(metrics: Metrics | None, *, now: datetime) -> Probe:
    """The newest sample is neither old nor from the future, judged by our own clock."""

    def look() -> Seen:
        if metrics is None:
            return skip("no metrics backend to compare with")
        newest = _rows(metrics.instant("max(timestamp(up))", at=now.timestamp()))
        if not newest:
            return warn("no `up` sample to compare with")
        lag = now.timestamp() - newest[0]
        if abs(lag) > MAX_LAG_SECONDS:
            return fail(f"the newest sample is {lag:.0f} s from our clock")
        return ok(f"the newest sample is {lag:.1f} s old")

    return Probe(name="clock", group="machine", look=look, mend="run a time daemon here and on the backend")


def logs_probe(logs: Logs | None, *, now: datetime) -> Probe:
    """The log backend answers."""

    def look() -> Seen:
        if logs is None:
            return skip("no log backend is configured")
        end = now.timestamp()
        found = _rows(logs.lines(services=(), start=end - 300, end=end, limit=10))
        return ok(f"{logs.name} answers") if found else warn(f"{logs.name} answers; no line in five minutes")

    return Probe(name="logs", group="telemetry", look=look, mend="check sources.loki.url")


def traces_probe(traces: Traces | None, *, now: datetime) -> Probe:
    """The trace backend answers and shows who calls whom."""

    def look() -> Seen:
        if traces is None:
            return skip("no trace backend is configured")
        calls = traces.calls(end=now.timestamp(), lookback=3600)
        return (
            ok(f"{traces.name}: {len(calls)} calls") if calls else warn(f"{traces.name}: no calls in an hour")
        )

    return Probe(name="traces", group="telemetry", look=look, mend="check sources.jaeger.url")


def chat_probes(chat: Chat | None) -> tuple[Probe, ...]:
    """The chat knows us, lets us speak, and lets us read what we said; nothing is said to find out."""

    def known() -> Seen:
        return ok(chat.whoami()) if chat else skip("no chat is configured")

    def speaks() -> Seen:
        lacking = chat.missing() if chat else None
        if lacking is None:
            return skip("no chat is configured")
        if lacking:
            return fail(f"the token lacks {', '.join(lacking)}")
        return ok("may speak")

    def reads() -> Seen:
        if chat is None:
            return skip("no chat is configured")
        try:
            chat.find("doctor", thread="")
        except AutohealError as error:
            return warn(f"cannot read the channel, so a message could be said twice: {error}")
        return ok("can read the channel")

    return (
        _chat_probe("chat", known, "check slack.token"),
        _chat_probe("chat speaks", speaks, "add the scopes to the Slack app and install it again"),
        _chat_probe(
            "chat reads",
            reads,
            "invite the app to slack.channel; scope channels:history, or groups:history of a private one",
        ),
    )


def _chat_probe(name: str, look: Callable[[], Seen], mend: str) -> Probe:
    return Probe(name=name, group="people", look=look, mend=mend)


def line_probe(line: ChatLine | None) -> Probe:
    """The chat gives us a connection to listen on, where we are the one who calls."""

    def look() -> Seen:
        if line is None:
            return skip("the chat calls us, or there is none")
        return ok(f"socket at {line.whereto()}")

    return Probe(name="chat line", group="people", look=look, mend="check slack.app_token and socket mode")


def changes_probe(changes: Sequence[Changes], *, now: datetime) -> Probe:
    """Every change source answers; without one a bad deploy cannot be told from a bad day."""

    def look() -> Seen:
        if not changes:
            return warn("no change source: deploys, configuration and flags are not seen")
        end = now.timestamp()
        counts = [f"{c.name}: {len(c.between(start=end - 86_400, end=end))} in a day" for c in changes]
        return ok("; ".join(counts))

    return Probe(name="changes", group="changes", look=look, mend="set platform.url or repositories")


def actuator_probe(actuator: Actuator | None) -> Probe:
    """The platform answers; asking for a target that cannot exist changes nothing."""

    def look() -> Seen:
        if actuator is None:
            return warn("no actuator: every mitigation is left to a person", "set platform.url")
        try:
            actuator.state("autoheal-doctor")
        except NotFoundError:
            return ok(f"{actuator.name} answers")
        return ok(f"{actuator.name} answers")

    return Probe(
        name="actuator", group="production", look=look, mend="check platform.url and its credentials"
    )


def forge_probe(forge: Forge, repositories: Iterable[str]) -> Probe:
    """Each named repository has a main branch."""

    def look() -> Seen:
        heads = [f"{name} at {forge.head(name)[:10]}" for name in repositories]
        return ok(", ".join(heads)) if heads else warn("no repository is configured")

    return Probe(name="repositories", group="changes", look=look, mend="check [repositories] in the settings")


def policy_probe(read: Callable[[], Policy], environment: str) -> Probe:
    """The policy file is valid; says how far we may go."""

    def look() -> Seen:
        policy = read()
        mode = policy.environment(environment).mode
        text = f"{policy.version}: {environment} is in mode {mode}"
        return ok(text) if mode is not Mode.OBSERVE else warn(text, "raise `mode` to let Autoheal propose")

    return Probe(name="policy", group="config", look=look, mend="mend the policy file at the named line")


def kill_probe(mitigations: MitigationStore) -> Probe:
    """The kill switch is not engaged."""

    def look() -> Seen:
        reason = mitigations.killed()
        return ok("not engaged") if reason is None else warn(f"engaged: {reason}")

    return Probe(
        name="kill switch", group="config", look=look, mend="`autoheal kill release` when it is safe"
    )


LEAST_FREE_BYTES = 200 * 1024 * 1024
"""Below this, deliveries may soon not be storable any more."""


def disk_probe(free: Callable[[], int]) -> Probe:
    """There is room for evidence and recordings."""

    def look() -> Seen:
        left = free()
        text = f"{left / 1024**3:.1f} GiB free"
        return ok(text) if left >= LEAST_FREE_BYTES else fail(text)

    return Probe(name="disk", group="machine", look=look, mend="free some space below the home folder")


def isolation_probe(prover: Prover) -> Probe:
    """Programs that prove a patch are closed in by the system, and not by limits alone."""

    def look() -> Seen:
        return ok(prover.isolation) if prover.isolated else warn(prover.isolation)

    mend = "install bubblewrap and let it create namespaces; until then proofs run as Autoheal's own user"
    return Probe(name="isolation", group="machine", look=look, mend=mend)


def programs_probe(found: Mapping[str, str | None], purpose: Mapping[str, str]) -> Probe:
    """Programs that some parts start are installed."""

    def look() -> Seen:
        missing = [name for name, path in found.items() if path is None]
        if missing:
            return warn("; ".join(f"{name} is missing ({purpose[name]})" for name in missing))
        return ok(", ".join(found))

    return Probe(
        name="programs", group="machine", look=look, mend="run `make setup`, or install the packages"
    )


def _rows(result: QueryResult) -> list[float]:
    """The values of a result; a source that failed is a failed check."""
    if isinstance(result.answer, Failed):
        raise UnreachableError(result.answer.reason)
    return [row.value for row in result.rows]

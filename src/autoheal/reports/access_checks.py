"""Is it known who comes in, wherever the web page and the API can be reached from?"""

from __future__ import annotations

from autoheal.domain.errors import ConfigError
from autoheal.policy.people import People
from autoheal.reports.checks import Probe, Seen, ok, warn


def access_probe(people: People, host: str) -> Probe:
    """Beyond this machine nobody may come in unasked."""

    def look() -> Seen:
        enrolled = people.enrolled()
        if enrolled:
            return ok(f"{len(enrolled)} people are enrolled")
        try:
            people.may_listen(host)
        except ConfigError as error:
            return warn(str(error))
        return ok("nobody is enrolled; only this machine can reach it")

    return Probe(
        name="people", group="config", look=look, mend="`autoheal people add NAME --role admin` enrolls you"
    )

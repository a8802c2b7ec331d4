"""How much a model reads of one new incident among fifty services: the real loops, a scripted model."""

from __future__ import annotations

import tempfile
from pathlib import Path

from autoheal.ports.runs import Json
from autoheal.reasoning.instructions import INSTRUCTIONS
from autoheal.sandbox.model.conversation import BYTES_PER_TOKEN
from autoheal.sandbox.model.investigator import investigator
from autoheal.sandbox.model.server import ModelServer, serving
from autoheal.sandbox.simulated.fleet import Fleet
from autoheal.sandbox.simulated.kinds import novel
from autoheal.sandbox.simulated.stream import Planned
from autoheal.sandbox.simulated.thinking import thinking
from autoheal.sandbox.simulated.world import World, template

SERVICES = 50


def measure_reading(*, services: int = SERVICES, seed: int = 7) -> dict[str, Json]:
    """Tokens of digest and graph context, of the whole investigation, and the share that stays the same."""
    server = ModelServer(behavior=investigator)
    with tempfile.TemporaryDirectory(prefix="autoheal-reasoning-") as folder, serving(server) as model:
        empty = template(Path(folder) / "empty")
        world = World(Path(folder) / "world", empty, learning=False, thinking=thinking(model))
        world.live(_planned(services, seed))
        world.wipe()
    return _figures(model)


def _figures(model: ModelServer) -> dict[str, Json]:
    if not model.prompts:
        return {"digest_tokens": None, "investigation_input_tokens": None, "stable_prefix_share": None}
    first, *later = model.prompts
    told = sum(len(turn.text.encode()) for turn in first.turns)
    read, known = sum(len(p.canonical) for p in later), sum(p.cached_bytes for p in later)
    return {
        "digest_tokens": (told - len(INSTRUCTIONS.encode())) // BYTES_PER_TOKEN,
        "investigation_input_tokens": sum(prompt.tokens for prompt in model.prompts),
        "stable_prefix_share": round(known / read, 3) if read else None,
    }


def _planned(services: int, seed: int) -> Planned:
    """A fault of two organs at once at a service in the middle of a tree of services that call each other."""
    names = [f"service-{number:02d}" for number in range(services)]
    calls = tuple((names[(number - 1) // 3], names[number]) for number in range(1, services))
    return Planned(
        number=1,
        kind=novel()[0],
        fleet=Fleet(name="fifty", calls=calls),
        service=names[services // 3],
        at=0.0,
        severity=1.0,
        seed=seed,
        named_rules=False,
        decoy=names[-1],
        known=False,
    )

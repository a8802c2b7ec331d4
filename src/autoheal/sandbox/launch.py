"""Becomes one replica of a service as the platform says it is: `python -m … launch HOME SERVICE NUMBER`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from autoheal.sandbox.layout import load
from autoheal.sandbox.supervisor import MARK


def main(home: Path, service: str, number: int) -> None:
    """Replace this process by the service's program of the current release."""
    layout = load(home)
    release = layout.home / "releases" / (layout.run / "releases" / service).read_text().strip()
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(release),
        MARK: str(layout.home),
        "PYTHONUNBUFFERED": "1",
        "PORT": str(layout.services[service][number]),
        "SHOP_CONFIG": str(layout.run / "config" / f"{service}.json"),
        "SHOP_FLAGS": str(layout.run / "flags.json"),
        "SHOP_REGISTRY": str(layout.run / "registry.json"),
        "SHOP_WEATHER": str(layout.run / "weather.json"),
        "SHOP_STORE": layout.url("store"),
        "SHOP_DATABASE": layout.database_url,
    }
    program = str(release / "services" / service / "app.py")
    os.chdir(release)
    os.execve(sys.executable, [sys.executable, program], environment)  # noqa: S606  our own interpreter


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))

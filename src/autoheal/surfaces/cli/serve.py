"""`autoheal serve`: receive alerts, heal, learn, and show it, until told to stop."""

from __future__ import annotations

import signal
import socket
from types import FrameType
from typing import Annotated

import typer
import uvicorn

from autoheal.domain.errors import UserError
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import note, show_json
from autoheal.surfaces.server import build

SIGTERM_EXIT = 143
"""What a shell reports for a program that was asked to end (128 + SIGTERM)."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def command(
    ctx: typer.Context,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on; default http.host.")] = "",
    port: Annotated[int, typer.Option(min=-1, max=65_535, help="Port; 0 takes a free one.")] = -1,
    as_json: AsJson = False,
) -> None:
    """Run until interrupted: webhooks, API and web page on one port, durable runs behind it."""
    # uvicorn raises the signal again after its own shutdown: by then the runs must still be closed.
    signal.signal(signal.SIGTERM, _terminate)
    with opened(ctx) as app:
        settings = app.config.http
        host = host or settings.host
        listener = listen(host, settings.port if port < 0 else port)
        with listener:
            app.start()
            _announce(listener, as_json=as_json)
            server = uvicorn.Server(
                uvicorn.Config(build(app, host=host), log_level="warning", timeout_graceful_shutdown=5)
            )
            server.run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; raises UserError when the address is taken or not ours."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"cannot listen on {host}:{port}: {reason}; set http.port or --port") from None
    return bound


def _announce(listener: socket.socket, *, as_json: bool) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    if host not in _LOOPBACK:
        note(f"anybody who reaches {url} can approve actions: put a proxy with a login before it")
    if as_json:
        show_json("serve", url=url)
        return
    note(f"listening on {url}; alerts go to {url}/webhooks/alertmanager")


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(SIGTERM_EXIT)

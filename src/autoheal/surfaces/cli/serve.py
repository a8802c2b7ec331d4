"""`autoheal serve`: receive alerts, heal, learn, and show it, until told to stop."""

from __future__ import annotations

import gc
import signal
import socket
from dataclasses import dataclass
from types import FrameType
from typing import Annotated

import typer
import uvicorn

from autoheal.domain.errors import UserError
from autoheal.surfaces.chat_line import listening
from autoheal.surfaces.cli.opening import opened
from autoheal.surfaces.cli.options import AsJson
from autoheal.surfaces.cli.output import note, show_json
from autoheal.surfaces.server import build

_BACKLOG = 128


def command(
    ctx: typer.Context,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on; default http.host.")] = "",
    port: Annotated[int, typer.Option(min=-1, max=65_535, help="Port; 0 takes a free one.")] = -1,
    as_json: AsJson = False,
) -> None:
    """Run until interrupted: webhooks, API and web page on one port, durable runs behind it."""
    with opened(ctx) as app:
        settings = app.config.http
        host = host or settings.host
        app.people.may_listen(host)
        with listen(host, settings.port if port < 0 else port) as listener:
            web = uvicorn.Config(build(app, host=host), log_level="warning", timeout_graceful_shutdown=5)
            ending = Ending(server=uvicorn.Server(web))
            ending.listen_for_signals()
            app.start()
            _announce(listener, as_json=as_json)
            # What is loaded by now stays: to look through all of it again and again costs pauses of 80 ms.
            gc.freeze()
            with listening(app):
                ending.server.run(sockets=[listener])
    raise SystemExit(128 + ending.signal)


@dataclass(slots=True, kw_only=True)
class Ending:
    """Ends the server when asked, at a moment that suits it: an exception could hit anything half done."""

    server: uvicorn.Server
    signal: int = 0

    def listen_for_signals(self) -> None:
        """Take Ctrl-C and SIGTERM; uvicorn hands them on to us once it has shut down."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._asked)

    def _asked(self, number: int, _: FrameType | None) -> None:
        self.signal = number
        self.server.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on; raises UserError when the address is taken or not ours."""
    bound: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(_BACKLOG)  # whoever comes once we are announced waits, and is not refused
    except OSError as error:
        if bound is not None:
            bound.close()
        reason = error.strerror or str(error)
        raise UserError(f"cannot listen on {host}:{port}: {reason}; set http.port or --port") from None
    return bound


def _announce(listener: socket.socket, *, as_json: bool) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    if not url.startswith("http://127.") and "[::1]" not in url:
        note("tokens travel over plain HTTP: put a proxy with TLS before it")
    if as_json:
        show_json("serve", url=url)
        return
    note(f"listening on {url}; alerts go to {url}/webhooks/alertmanager")

"""Socket mode: a connection that we open to Slack, over which it tells what people said and pressed.

Source: Slack's page on socket mode; the connection, its pings and its handover are those of slack_sdk.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from slack_sdk.errors import SlackClientError
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from autoheal.domain.errors import RefusedError, UnreachableError, UserError, WorldError
from autoheal.integrations.http.endpoint import Call, Endpoint
from autoheal.ports.chat import Take
from autoheal.ports.runs import Json

_LOG = logging.getLogger(__name__)
_SECONDS = 10
_WORKERS = 4
_LOOK, _HELD = 0.2, 30.0
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0
_FAILED = (WorldError, SlackClientError, OSError)


class SlackSocket:
    """The ChatLine; the endpoint is Slack's Web API with the app token, and gives the socket's address."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._closing = threading.Event()
        self._client: SocketModeClient | None = None
        self._thread: threading.Thread | None = None

    def open(self, take: Take) -> None:
        """Connect in the background, and again whenever the connection is lost.

        What comes is handed over and then acknowledged; what could not be taken is not, and comes again.
        """

        def listen(via: BaseSocketModeClient, request: SocketModeRequest) -> None:
            if _taken(take, request.payload):
                via.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

        client = _Client(self._address)
        client.socket_mode_request_listeners.append(listen)
        self._client = client
        self._thread = threading.Thread(target=self._keep, args=(client,), name="slack", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the connection; what is being handed over is handed over first."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=_SECONDS)
        if self._client is not None:
            self._client.close()

    def whereto(self) -> str:
        """The host that we would connect to; raises UnreachableError when Slack gives us no address."""
        return self._address().split("//")[-1].split("/")[0]

    def _address(self) -> str:
        """An address that is good for one connection, soon."""
        reply = self._endpoint.send(Call(method="POST", path="/apps.connections.open", repeatable=False))
        said = reply.json if isinstance(reply.json, dict) else {"error": f"status {reply.status}"}
        if said.get("ok") is not True or not isinstance(url := said.get("url"), str):
            raise _NoSocketError(str(said.get("error")), reply.headers.get("Retry-After", ""))
        return url

    def _keep(self, client: SocketModeClient) -> None:
        wait = _FIRST_WAIT
        while not self._closing.is_set():
            began, asked = time.monotonic(), 0.0
            try:
                client.connect_to_new_endpoint()
            except _FAILED as error:
                asked = error.seconds if isinstance(error, _NoSocketError) else 0.0
                _LOG.warning("%s; again in %.0f s", error, max(wait, asked))
            while client.is_connected() and not self._closing.wait(_LOOK):
                pass
            if time.monotonic() - began > _HELD:
                wait = _FIRST_WAIT
            self._closing.wait(max(wait, asked))
            wait = min(2 * wait, _LONGEST_WAIT)


class _NoSocketError(UnreachableError):
    """Slack gives no address, and wants to be left alone for some seconds."""

    def __init__(self, why: str, retry_after: str) -> None:
        super().__init__(f"slack gives no socket: {why[:200]}")
        self.seconds = min(float(retry_after), _LONGEST_WAIT) if retry_after.isdecimal() else 0.0


class _Client(SocketModeClient):
    """The library's, but its address comes over our endpoint, and who holds it connects it again."""

    def __init__(self, address: Callable[[], str]) -> None:
        super().__init__("", logger=_LOG, auto_reconnect_enabled=False, concurrency=_WORKERS)
        self.proxy = None  # as everywhere: nothing comes from the environment
        self._address = address

    def issue_new_wss_url(self) -> str:
        return self._address()

    def connect_to_new_endpoint(self, force: bool = False) -> None:  # noqa: FBT001, FBT002  the library's
        try:
            super().connect_to_new_endpoint(force=force)
        except _FAILED as error:
            if not force:
                raise
            # Slack announced the end of this connection: when it comes, another is sought.
            _LOG.warning("%s; the one that we have will end", error)


def _taken(take: Take, payload: Mapping[str, Json]) -> bool:
    try:
        take(payload)
    except (UserError, RefusedError) as error:
        _LOG.info("slack: not taken: %s", error)  # to send it again would not help
    except WorldError as error:
        _LOG.warning("slack: not taken, it will come again: %s", error)
        return False
    return True

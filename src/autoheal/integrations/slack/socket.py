"""Socket mode: a connection that we open to Slack, over which it tells what people said and pressed.

Source: Slack's page on socket mode; the connection, its renewal and its pings are those of slack_sdk.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from http.client import HTTPException

from slack_sdk.errors import SlackClientError
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web import WebClient

from autoheal.domain.errors import RefusedError, UnreachableError, UserError, WorldError
from autoheal.ports.chat import Take
from autoheal.ports.runs import Json

_LOG = logging.getLogger(__name__)
_SECONDS = 10
_WORKERS = 4
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0
_REFUSED = (SlackClientError, HTTPException, OSError)


class SlackSocket:
    """The ChatLine; url is Slack's Web API, where the address of the socket is asked for."""

    def __init__(self, *, url: str, app_token: str) -> None:
        self._web = WebClient(base_url=f"{url.rstrip('/')}/", timeout=_SECONDS, retry_handlers=[])
        self._token = app_token
        self._closing = threading.Event()
        self._client: SocketModeClient | None = None
        self._thread: threading.Thread | None = None

    def open(self, take: Take) -> None:
        """Connect in the background, again and again until it works.

        What comes is handed over and then acknowledged; what could not be taken is not, and comes again.
        """
        client = SocketModeClient(
            app_token=self._token, web_client=self._web, concurrency=_WORKERS, logger=_LOG
        )

        def listen(via: BaseSocketModeClient, request: SocketModeRequest) -> None:
            if _taken(take, request.payload):
                via.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

        client.socket_mode_request_listeners.append(listen)
        self._client = client
        self._thread = threading.Thread(target=self._connect, args=(client,), name="slack", daemon=True)
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
        try:
            said = self._web.apps_connections_open(app_token=self._token)
        except _REFUSED as error:
            raise UnreachableError(f"slack gives no socket: {_reason(error)}") from None
        return str(said.get("url", "")).split("//")[-1].split("/")[0]

    def _connect(self, client: SocketModeClient) -> None:
        wait = _FIRST_WAIT
        while not self._closing.is_set():
            try:
                client.connect_to_new_endpoint()
            except _REFUSED as error:
                _LOG.warning("slack: no socket, again in %.0f s: %s", wait, _reason(error))
                self._closing.wait(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
            else:
                return


def _taken(take: Take, payload: Mapping[str, Json]) -> bool:
    try:
        take(payload)
    except (UserError, RefusedError) as error:
        _LOG.info("slack: not taken: %s", error)  # to send it again would not help
    except WorldError as error:
        _LOG.warning("slack: not taken, it will come again: %s", error)
        return False
    return True


def _reason(error: Exception) -> str:
    answer = getattr(error, "response", None)
    return str(answer.get("error")) if answer is not None else str(error) or type(error).__name__

"""Socket mode: a connection that we open to Slack, over which it tells what people said and pressed.

Source: Slack's page on socket mode; the connection, its pings and its handover are those of slack_sdk.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from http.client import HTTPException

from slack_sdk.errors import SlackApiError, SlackClientError
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
_LOOK, _HELD = 0.2, 30.0
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0
_REASON = 200
_REFUSED = (SlackClientError, HTTPException, OSError, ValueError, LookupError)
"""The last two: what the library raises on an answer that is not Slack's, such as a proxy's page."""


class SlackSocket:
    """The ChatLine; url is Slack's Web API, where the address of the socket is asked for."""

    def __init__(self, *, url: str, app_token: str) -> None:
        self._web = WebClient(base_url=f"{url.rstrip('/')}/", timeout=_SECONDS, retry_handlers=[])
        self._web.proxy = None  # as everywhere: nothing comes from the environment
        self._token = app_token
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

        client = _Client(
            self._token,
            logger=_LOG,
            web_client=self._web,
            auto_reconnect_enabled=False,  # it would try every 5 s for ever: we wait longer each time
            concurrency=_WORKERS,
        )
        client.proxy = None
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
        try:
            said = self._web.apps_connections_open(app_token=self._token)
        except _REFUSED as error:
            raise UnreachableError(f"slack gives no socket: {_reason(error)}") from None
        return str(said.get("url", "")).split("//")[-1].split("/")[0]

    def _keep(self, client: SocketModeClient) -> None:
        wait = _FIRST_WAIT
        while not self._closing.is_set():
            began, asked = time.monotonic(), 0.0
            try:
                client.connect_to_new_endpoint()
            except _REFUSED as error:
                asked = _asked(error)
                _LOG.warning("slack: no socket, again in %.0f s: %s", max(wait, asked), _reason(error))
            while client.is_connected() and not self._closing.wait(_LOOK):
                pass
            if time.monotonic() - began > _HELD:
                wait = _FIRST_WAIT
            self._closing.wait(max(wait, asked))
            wait = min(2 * wait, _LONGEST_WAIT)


class _Client(SocketModeClient):
    def issue_new_wss_url(self) -> str:
        # The library would sleep out a rate limit in here, where nobody could stop it.
        return str(self.web_client.apps_connections_open(app_token=self.app_token)["url"])

    def connect_to_new_endpoint(self, force: bool = False) -> None:  # noqa: FBT001, FBT002  the library's
        try:
            super().connect_to_new_endpoint(force=force)
        except _REFUSED as error:
            if not force:
                raise
            # Slack announced the end of this connection: when it comes, another is sought.
            _LOG.warning("slack: the socket will end, and there is no new one yet: %s", _reason(error))


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
    told = error.response.get("error") if isinstance(error, SlackApiError) else error
    return " ".join(str(told).split())[:_REASON] or type(error).__name__


def _asked(error: Exception) -> float:
    """Seconds for which Slack wants to be left alone."""
    headers = error.response.headers if isinstance(error, SlackApiError) else {}
    told = next((str(value) for name, value in headers.items() if name.lower() == "retry-after"), "")
    return min(float(told), _LONGEST_WAIT) if told.isdecimal() else 0.0

"""One small HTTP server for every service: routes, metrics, JSON logs, spans, configuration and flags."""

import json
import os
import re
import secrets
import threading
import time
import traceback
import urllib.error
import urllib.request
from contextlib import contextmanager
from contextvars import ContextVar
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest

from shop.telemetry import Telemetry

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
REQUESTS = Counter("http_requests", "Requests answered", ["operation", "status"])
LATENCY = Histogram("http_request_duration_seconds", "Time to answer", ["operation"], buckets=BUCKETS)
IN_FLIGHT = Gauge("http_requests_in_flight", "Requests being answered")
CALLS = Histogram("http_client_duration_seconds", "Time of calls to others", ["peer"], buckets=BUCKETS)
CALL_ERRORS = Counter("http_client_errors", "Failed calls to others", ["peer"])

PATIENCE_SECONDS = 1.5

_span = ContextVar("span", default=None)


class Problem(Exception):
    """An answer other than 200."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class App:
    """The routes of one service and what they may use."""

    def __init__(self, name):
        self.name = name
        self.routes = []
        self.config = _read(os.environ.get("SHOP_CONFIG", f"config/{name}.json"))
        self.peers = _read_or(os.environ.get("SHOP_PEERS", ""), {})
        self.telemetry = Telemetry(name, os.environ.get("SHOP_STORE", ""))

    def route(self, method, pattern):
        """Register a handler for `/path/{name}`."""
        regex = re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern) + "$")

        def register(handler):
            self.routes.append((method, regex, f"{method} {pattern}", handler))
            return handler

        return register

    def flag(self, name):
        """A feature flag, read live."""
        return _read_or(os.environ.get("SHOP_FLAGS", "flags.json"), {}).get(name, False)

    def log(self, level, message, **fields):
        """One structured log line of the request under way."""
        span = _span.get()
        self.telemetry.log(level, message, span["trace_id"] if span else "", fields)

    def call(self, peer, method, path, body=None, timeout=None):
        """Call another service and return its JSON; raises Problem 502 or 504."""
        limit = timeout or self.config.get("call_timeout_seconds", 3.0)
        data = None if body is None else json.dumps(body).encode()
        with self.span(f"{method} {peer}", "client") as span:
            headers = {"Content-Type": "application/json"}
            headers["traceparent"] = f"00-{span['trace_id']}-{span['span_id']}-01"
            request = urllib.request.Request(self.peer(peer) + path, data, headers, method=method)
            with CALLS.labels(peer).time():
                return self._answer(peer, request, limit, span)

    def _answer(self, peer, request, limit, span):
        try:
            with self._open(request, limit) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            detail = error.read().decode(errors="replace")[:200]
            if error.code < 500:
                raise Problem(error.code, f"{peer}: {detail}") from None
            failure = Problem(502, f"{peer} answered {error.code}")
        except (TimeoutError, OSError) as error:
            reason = getattr(error, "reason", error)
            late = "timed out" in str(reason)
            failure = Problem(504 if late else 502, f"{peer}: {reason}")
        CALL_ERRORS.labels(peer).inc()
        span["error"] = True
        self.log("error", f"call to {peer} failed: {failure}")
        raise failure

    def _open(self, request, limit):
        """A connection that is refused is tried again for a while: the peer may just be starting."""
        until = time.monotonic() + min(PATIENCE_SECONDS, limit)
        while True:
            try:
                return urllib.request.urlopen(request, timeout=limit)
            except urllib.error.URLError as error:
                refused = isinstance(error.reason, ConnectionRefusedError)
                if not refused or time.monotonic() >= until:
                    raise
            time.sleep(0.1)

    def peer(self, name):
        """One address of a peer, in turn over its replicas."""
        addresses = _read_or(os.environ.get("SHOP_REGISTRY", ""), {}).get(name) or self.peers.get(name)
        if not addresses:
            raise Problem(502, f"{name} has no address")
        return addresses[secrets.randbelow(len(addresses))] if isinstance(addresses, list) else addresses

    @contextmanager
    def span(self, operation, kind, parent=None, **attributes):
        """A span around some work; the current one is its parent."""
        above = parent or _span.get() or {"trace_id": secrets.token_hex(16), "span_id": ""}
        span = {
            "trace_id": above["trace_id"],
            "span_id": secrets.token_hex(8),
            "parent_id": above["span_id"],
            "operation": operation,
            "kind": kind,
            "error": False,
            "attributes": attributes,
            "start": time.time(),
        }
        token, began = _span.set(span), time.perf_counter()
        try:
            yield span
        except Exception:
            span["error"] = True
            raise
        finally:
            _span.reset(token)
            span["duration_ms"] = (time.perf_counter() - began) * 1000
            self.telemetry.span(span)

    def serve(self, port=None):
        """Answer requests until told to stop."""
        app = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                app.answer(self, "GET")

            def do_POST(self):
                app.answer(self, "POST")

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        server = Server(("127.0.0.1", port or int(os.environ["PORT"])), Handler)
        self.log("info", f"{self.name} started")
        server.serve_forever()

    def answer(self, handler, method):
        """Route one request and account for it."""
        length = int(handler.headers.get("Content-Length") or 0)
        raw = handler.rfile.read(length) if length else b""
        path = handler.path.partition("?")[0]
        if path == "/metrics":
            return _send(handler, 200, generate_latest(REGISTRY), "text/plain; version=0.0.4")
        if path == "/healthz":
            return _send(handler, 200, b"{}")
        for wanted, regex, operation, route in self.routes:
            match = regex.match(path)
            if match and wanted == method:
                return self._run(handler, route, operation, match.groupdict(), raw)
        return _send(handler, 404, b'{"error": "no such route"}')

    def _run(self, handler, route, operation, parameters, raw):
        parent = _parent(handler.headers.get("traceparent", ""))
        attributes = {"http.request.method": handler.command, "url.path": handler.path}
        if raw and len(raw) <= 2000:
            attributes["http.request.body"] = raw.decode(errors="replace")
        IN_FLIGHT.inc()
        began = time.perf_counter()
        status, body = 500, b""
        try:
            with self.span(operation, "server", parent, **attributes) as span:
                status, body = self._respond(route, parameters, raw)
                span["error"] = status >= 500
                span["attributes"]["http.response.status_code"] = status
        finally:
            IN_FLIGHT.dec()
            LATENCY.labels(operation).observe(time.perf_counter() - began)
            REQUESTS.labels(operation, str(status)).inc()
            _send(handler, status, body)

    def _respond(self, route, parameters, raw):
        try:
            body = json.loads(raw) if raw else {}
            return 200, json.dumps(route(body=body, **parameters)).encode()
        except Problem as problem:
            level = "error" if problem.status >= 500 else "info"
            self.log(level, f"{problem.status}: {problem}")
            return problem.status, json.dumps({"error": str(problem)}).encode()
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.log(
                "error",
                f"unhandled {type(error).__name__}: {error} at {os.path.basename(where.filename)}:{where.lineno}",
            )
            return 500, json.dumps({"error": "internal error"}).encode()


def _parent(traceparent):
    parts = traceparent.split("-")
    return {"trace_id": parts[1], "span_id": parts[2]} if len(parts) == 4 else None


def _send(handler, status, body, kind="application/json"):
    try:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
    except (BrokenPipeError, ConnectionResetError):
        pass


def _read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


_cache = {}
_cache_lock = threading.Lock()


def _read_or(path, default):
    """A JSON file as it is now; read again only when it changed."""
    if not path:
        return default
    try:
        stamp = os.stat(path).st_mtime_ns
        with _cache_lock:
            known = _cache.get(path)
            if known is None or known[0] != stamp:
                known = (stamp, _read(path))
                _cache[path] = known
        return known[1]
    except (OSError, ValueError):
        return default

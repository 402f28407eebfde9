"""The API over HTTP, on loopback."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from . import schema
from .cloud import Refused, _short
from .faults import Fault, Faults

KEY = "psk-0123456789abcdef/+="


class Server:
    """A running stand-in: its address, the key that it takes, its cloud, its faults to come, and what it was asked."""

    def __init__(self, cloud, url, key):
        self.cloud, self.url, self.key = cloud, url, key
        self.faults, self.requests = Faults(), []

    def asked(self, method="", path=""):
        """Return the requests [(method, path, query, status)] of that method whose path begins so."""
        return [one for one in self.requests if method in ("", one[0]) and one[1].startswith(path)]


@contextmanager
def serve(cloud, key=KEY, port=0):
    """Serve a cloud. Gives the Server."""
    listener = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    listener.daemon_threads = True
    # A client that was cut off is no error of the stand-in's.
    listener.handle_error = lambda *_arguments: None
    server = Server(cloud, f"http://127.0.0.1:{listener.server_address[1]}/v1", key)
    listener.stand_in = server
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments):
        pass

    def _handle(self):
        server = self.server.stand_in
        split = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if split.path.startswith("/-/"):
            self._send(200, _control(server, self.command, split.path, raw))
            return
        path = split.path[len("/v1") :] if split.path.startswith("/v1/") else None
        query = dict(parse_qsl(split.query, keep_blank_values=True))
        if query.get("after", "").startswith("cursor"):
            # One of those that a fault gave.
            del query["after"]
        fault = server.faults.take(self.command, path or split.path)
        if fault and not fault.carried_out and self._before(fault):
            self._note(fault.kind, path, query)
            return
        status, body = self._answer(server, path, query, raw)
        if fault and fault.carried_out and self._before(fault):
            self._note(fault.kind, path, query)
            return
        self._note(status, path, query)
        if fault and fault.kind in ("same_page", "circle", "endless"):
            body = _page_fault(fault.kind, body, server, path, query)
        if fault and fault.kind in ("slow", "drip", "truncate", "half", "garbage"):
            self._send_badly(fault, status, body)
        else:
            self._send(status, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def _note(self, status, path, query):
        self.server.stand_in.requests.append((self.command, path, query, status))

    # -- the right answer -------------------------------------------------------------------------------------------

    def _answer(self, server, path, query, raw):
        try:
            if self.headers.get("Authorization") != f"Bearer {server.key}":
                raise Refused(401, "UNAUTHORIZED", "Invalid API key")
            if path is None:
                raise Refused(404, "NOT_FOUND", "No such path")
            try:
                body = json.loads(raw) if raw else None
            except ValueError:
                raise Refused(400, "PARSE_ERROR", "The body is no JSON") from None
            with server.cloud.lock:
                server.cloud.go_on()
                parts = [unquote(part) for part in path.strip("/").split("/")]
                answer = _route(server.cloud, self.command, parts, query, body)
                # A copy: things go on while it is sent.
                return 200, json.loads(json.dumps(answer))
        except Refused as refused:
            return refused.status, refused.body

    def _send(self, status, body, headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    # -- the wrong ones ---------------------------------------------------------------------------------------------

    def _before(self, fault):
        """Answer in place of the API; True where that was done."""
        headers = [("Retry-After", fault.retry_after)] if fault.retry_after else []
        if fault.kind == "429":
            self._send(429, {"code": "TOO_MANY_REQUESTS", "message": "Rate limit exceeded"}, headers)
        elif fault.kind in ("500", "503"):
            self._send(int(fault.kind), {"code": "INTERNAL_SERVER_ERROR", "message": "Something broke"}, headers)
        elif fault.kind == "502":
            self._send(502, b"<html><body>Bad gateway</body></html>", headers)
        elif fault.kind == "401":
            self._send(401, {"code": "UNAUTHORIZED", "message": "Invalid API key"})
        elif fault.kind == "403":
            self._send(403, {"code": "FORBIDDEN", "message": "Not for you"})
        elif fault.kind == "echo":
            said = f"Bad header: {self.headers.get('Authorization')}"
            self._send(400, {"code": "BAD_REQUEST", "message": said, "details": {"header": said}})
        elif fault.kind == "error200":
            self._send(200, {"code": "BAD_REQUEST", "message": "Not today"})
        elif fault.kind == "redirect":
            self._send(302, {}, [("Location", "http://127.0.0.1:9/elsewhere")])
        elif fault.kind == "reset":
            # Closed with linger 0, a socket sends RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.rfile.close()
            self.connection.close()
        elif fault.kind == "hangup":
            self.close_connection = True
        else:
            return False
        return True

    def _send_badly(self, fault, status, body):
        data = json.dumps(body).encode()
        if fault.kind == "slow":
            time.sleep(fault.seconds)
            self._send(status, data)
        elif fault.kind == "garbage":
            self._send(status, b"<html><body>Welcome to the hotel</body></html>")
        elif fault.kind == "half":
            self._send(status, data[: len(data) // 2])
        else:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.close_connection = True
            if fault.kind == "truncate":
                self.wfile.write(data[: len(data) // 2])
                return
            for at in range(len(data)):
                self.wfile.write(data[at : at + 1])
                self.wfile.flush()
                time.sleep(fault.seconds)


def _route(cloud, method, parts, query, body):
    name, rest = parts[0], parts[1:]
    if name not in schema.THINGS or len(rest) > 2:
        raise Refused(404, "NOT_FOUND", "No such path")
    issues = schema.request_faults(method, name, body)
    if issues:
        raise Refused(400, "BAD_REQUEST", "Input validation failed", issues=issues)
    answer = _carry_out(cloud, method, name, rest, query, body)
    _check_answer(name, answer)
    return answer


def _carry_out(cloud, method, name, rest, query, body):
    if not rest:
        if method == "GET":
            return _listed(cloud, name, query)
        makers = {
            "machines": cloud.create_machine,
            "custom-templates": cloud.create_template,
            "startup-scripts": cloud.create_script,
        }
        if method == "POST" and name in makers:
            return makers[name](body)
        raise Refused(405, "METHOD_NOT_SUPPORTED", f"{method} is not for {name}")
    thing = cloud.one(name, rest[0])
    verb = rest[1] if len(rest) > 1 else ""
    if verb:
        if method == "PATCH" and name == "machines" and verb in ("start", "stop", "restart"):
            return cloud.power(thing, verb)
        raise Refused(404, "NOT_FOUND", "No such path")
    if method == "GET":
        return thing
    if name == "machines" and method in ("PUT", "DELETE"):
        return cloud.update_machine(thing, body) if method == "PUT" else cloud.delete_machine(thing)
    if name == "custom-templates" and method == "PUT":
        thing.update(body)
        return thing
    if name == "startup-scripts" and method == "PUT":
        return cloud.update_script(thing, body)
    if name in ("custom-templates", "startup-scripts") and method == "DELETE":
        return cloud.delete(thing)
    raise Refused(405, "METHOD_NOT_SUPPORTED", f"{method} is not for {name}")


def _listed(cloud, name, query):
    filters, orders = schema.LISTS[name]
    issues = [
        {"path": [field], "message": "is not known"}
        for field in query
        if field not in (*filters, "after", "limit", "orderBy", "order")
    ]
    limit, by, order = query.get("limit", "50"), query.get("orderBy", orders[0]), query.get("order", "desc")
    if not limit.isdigit() or not 1 <= int(limit) <= 120:
        issues.append({"path": ["limit"], "message": "Number must be between 1 and 120"})
    if by not in orders or order not in ("asc", "desc"):
        issues.append({"path": ["orderBy"], "message": "is not known"})
    if issues:
        raise Refused(400, "BAD_REQUEST", "Input validation failed", issues=issues)
    things = [
        one for one in cloud.things(name).values() if not one.get("dtDeleted") and _is_wanted(one, query, filters)
    ]
    things.sort(key=lambda one: (one[by], one["id"]), reverse=order == "desc")
    ids = [one["id"] for one in things]
    after = query.get("after")
    if after is not None and after not in ids:
        raise Refused(400, "BAD_REQUEST", "Invalid cursor")
    start = ids.index(after) + 1 if after is not None else 0
    page = things[start : start + int(limit)]
    more = start + len(page) < len(things)
    return {"hasMore": more, "items": page, "nextPage": page[-1]["id"] if more else None}


def _is_wanted(thing, query, filters):
    for field in filters:
        if field not in query:
            continue
        have = thing.get("parentMachineId" if field == "machineId" and "parentMachineId" in thing else field)
        if field == "region":
            if _short(have) != _short(query[field]):
                return False
        elif have != query[field]:
            return False
    return True


def _check_answer(name, answer):
    """The stand-in itself keeps to the schema."""
    kind = schema.THINGS[name]
    if "items" in answer:
        wrong = [fault for one in answer["items"] for fault in schema.faults(one, kind)]
    elif "data" in answer:
        wrong = [*schema.faults(answer["data"], kind)]
        if answer.get("event"):
            wrong += schema.faults(answer["event"], schema.EVENT)
    else:
        wrong = [*schema.faults(answer, kind)]
    if wrong:
        raise Refused(500, "INTERNAL_SERVER_ERROR", f"the stand-in breaks its schema: {wrong[:3]}")


def _page_fault(kind, body, server, path, query):
    first = _listed(server.cloud, path.strip("/"), query)
    if kind == "same_page":
        return {**first, "hasMore": True, "nextPage": f"cursor-{len(server.requests)}"}
    if kind == "circle":
        return {**body, "hasMore": True, "nextPage": "cursor"}
    return {"hasMore": True, "items": [], "nextPage": f"cursor-{len(server.requests)}"}


def _control(server, method, path, raw):
    """For programs that are not the one that serves: faults to come, and what was asked for."""
    if path == "/-/faults" and method == "POST":
        server.faults.add(*(Fault(**one) for one in json.loads(raw)))
        return {}
    if path == "/-/faults" and method == "DELETE":
        server.faults.clear()
        return {}
    if path == "/-/fail" and method == "POST":
        with server.cloud.lock:
            for one in json.loads(raw):
                server.cloud.fail_next(one["event"], one["error"])
        return {}
    return {"requests": server.requests}

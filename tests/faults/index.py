"""A package index on loopback over a folder of files, which can be slow and can go wrong."""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import socket
import struct
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: Ways in which a file can be served badly.
FAULTS = ("500", "wrong", "corrupt", "short", "reset")
_PIECE = 16384


def normalize(name):
    return re.sub(r"[-_.]+", "-", name).lower()


class Index:
    """Serves a folder's wheels and source archives by the simple API (PyPA, JSON), with their metadata.

    delay: seconds that a file may take to begin, by chance; faults: {file name: one of FAULTS}; gate: closed, no answer
    goes on until it is opened; held: somebody waits before the closed gate.
    """

    def __init__(self, folder, seed):
        self.folder = folder
        self.delay = 0.0
        self.faults = {}
        self.gate = threading.Event()
        self.gate.set()
        self.held = threading.Event()
        self.asked = []
        self.random = random.Random(seed)
        self.projects, self.files, self.metadata = {}, {}, {}
        for path in sorted(one for one in folder.iterdir() if not one.name.startswith(".")):
            data = path.read_bytes()
            self.files[path.name] = data
            told = {"filename": path.name, "url": f"/files/{path.name}", "hashes": {"sha256": _sha256(data)}}
            if path.suffix == ".whl":
                with zipfile.ZipFile(path) as archive:
                    (name,) = (one for one in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", one))
                    self.metadata[path.name] = archive.read(name)
                told["core-metadata"] = {"sha256": _sha256(self.metadata[path.name])}
                project = path.name.split("-")[0]
            else:
                project = path.name.rpartition("-")[0]
            self.projects.setdefault(normalize(project), []).append(told)
        self.server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"index": self}))
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/simple/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def well(self, delay=0.0):
        """Serve everything as it is, each file after at most `delay` seconds."""
        self.faults, self.delay = {}, delay
        self.gate.set()
        self.held.clear()
        self.asked = []


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_request):
        """Who asked was killed."""


class _Handler(BaseHTTPRequestHandler):
    index: Index
    protocol_version = "HTTP/1.1"

    def log_message(self, *_words):
        pass

    def do_GET(self):
        kind, _slash, name = self.path.lstrip("/").partition("/")
        if kind == "simple":
            found = self.index.projects.get(name.strip("/"))
            if found:
                page = {"meta": {"api-version": "1.1"}, "name": name.strip("/"), "files": found, "versions": []}
                return self._send(json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")
        elif name.endswith(".metadata") and name[: -len(".metadata")] in self.index.metadata:
            return self._send(self.index.metadata[name[: -len(".metadata")]])
        elif name in self.index.files:
            return self._file(name)
        return self._send(b"not here\n", status=404)

    def _file(self, name):
        index = self.index
        index.asked.append(name)
        fault = index.faults.get(name)
        time.sleep(index.random.random() * index.delay)
        data = index.files[name]
        if fault == "500":
            return self._send(b"the index is broken\n", status=500)
        if fault == "wrong":
            # A wheel that can be unpacked and installed, but is another.
            changed = io.BytesIO(data)
            with zipfile.ZipFile(changed, "a") as archive:
                archive.writestr("more.py", "import os\n")
            data = changed.getvalue()
        if fault == "corrupt":
            place = len(data) // 2
            data = data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
        self._send(data, "application/octet-stream", cut=len(data) // 2 if fault in ("short", "reset") else None)
        if fault == "reset":
            # Closed without waiting for what is unsent: the other side sees a reset, not an end (socket(7), SO_LINGER).
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        return None

    def _send(self, data, kind="text/plain", status=200, cut=None):
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            whole = data if cut is None else data[:cut]
            for start in range(0, len(whole), _PIECE):
                if not self.index.gate.is_set():
                    self.index.held.set()
                    self.index.gate.wait()
                self.wfile.write(whole[start : start + _PIECE])
        except OSError:
            self.close_connection = True  # the other side is gone
        if cut is not None:
            self.close_connection = True

"""Serves the archives over HTTP: files only, a line of a log for each request. Standard library alone, Python 3.9+."""

from __future__ import annotations

import functools
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

CHUNK = 1 << 20


class Handler(SimpleHTTPRequestHandler):
    """Sends files and no lists of folders. The log is 'STATUS METHOD PATH', on standard output."""

    protocol_version = "HTTP/1.1"

    def list_directory(self, path):
        self.send_error(404)

    def copyfile(self, source, outputfile):
        while chunk := source.read(CHUNK):
            outputfile.write(chunk)

    def log_request(self, code="-", size="-"):
        print(int(code), self.command, self.path, flush=True)

    def log_message(self, *_arguments):
        pass


def serve(folder, address, port):
    """Serves `folder` (str) at `address` (str) and `port` (int) until the process is ended."""
    server = ThreadingHTTPServer((address, port), functools.partial(Handler, directory=folder))
    server.daemon_threads = True
    print(f"serving {folder} at {address}:{port}", file=sys.stderr, flush=True)
    server.serve_forever()

"""An index on loopback that serves wheels made on the spot, as slowly as is wanted."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import threading
import time
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CHUNK = 1 << 16


def wheel(name, mib=0.0, version="1.0"):
    """A pure wheel (file name, bytes) of a module and `mib` MiB that do not get smaller by packing."""
    noise = random.Random(name).randbytes(int(mib * (1 << 20)))
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"NAME = {name!r}\n".encode(),
        f"{name}.bin": noise,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
        for path, data in files.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, data in files.items():
            # A fixed time, so that a wheel made again has the same hash.
            archive.writestr(zipfile.ZipInfo(path, (2026, 11, 20, 0, 0, 0)), data)
    return f"{name}-{version}-py3-none-any.whl", packed.getvalue()


def lock_text(wheels, python):
    """A lock (str) of wheels, as pip_lock reads it."""
    lines = [f"# mlinabox lock: stack=test environment=test variant=cpu python={python} platform=linux-x86_64"]
    for file, data in wheels:
        name, version = file.split("-")[:2]
        lines.append(f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(data).hexdigest()}")
    return "\n".join(lines) + "\n"


@contextmanager
def serve(wheels, mib_per_second=0.0):
    """Serves wheels; each file comes at `mib_per_second`, 0 as fast as it goes. Gives the index's address (str)."""
    by_file = dict(wheels)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            parts = self.path.strip("/").split("/")
            if parts[0] == "files" and parts[-1] in by_file:
                self._send(by_file[parts[-1]], "application/octet-stream", mib_per_second)
                return
            links = [
                f'<a href="/files/{file}#sha256={hashlib.sha256(data).hexdigest()}">{file}</a>'
                for file, data in by_file.items()
                if parts[0] == "simple" and file.split("-")[0] == parts[-1].replace("-", "_")
            ]
            if links:
                self._send("".join(links).encode(), "text/html", 0)
            else:
                self.send_error(404)

        def _send(self, data, kind, rate):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            for at in range(0, len(data), CHUNK):
                self.wfile.write(data[at : at + CHUNK])
                if rate:
                    time.sleep(CHUNK / (rate * (1 << 20)))

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/simple"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""The notebook server starts on loopback, asks for its token, and serves the page and the kernels' list."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

TOKEN = "smoke"
HEADER = {"Authorization": f"token {TOKEN}"}

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(path, headers=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers or {})
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


options = ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--no-browser"]
with open("server.log", "w") as log:
    command = [sys.executable, "-m", "jupyterlab", *options]
    server = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "JUPYTER_TOKEN": TOKEN})
try:
    deadline = time.monotonic() + 120
    while True:
        try:
            version = json.loads(get("/api")[1])["version"]
            break
        except (OSError, ValueError):
            with open("server.log") as log:
                said = log.read()
            assert server.poll() is None, "the server ended: " + " ".join(said.split())[-500:]
            assert time.monotonic() < deadline, "the server does not answer: " + " ".join(said.split())[-500:]
            time.sleep(0.3)
    assert get("/api/status")[0] == 403, "the server answers without a token"
    status, text = get("/api/status", HEADER)
    assert status == 200 and json.loads(text)["kernels"] == 0, (status, text)
    status, text = get("/lab", HEADER)
    assert status == 200 and "jupyter-config-data" in text, (status, text[:200])
    print(f"jupyter_server {version} serves JupyterLab")
finally:
    server.terminate()
    server.wait(30)

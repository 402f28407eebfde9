"""Asks a running JupyterLab what it should answer: PORT TOKEN_FILE KERNEL [START_COMMAND...]. Prints a JSON object.

Runs with the server environment's own Python, which has websocket-client. With a start command the server is started
first and ended after. The token is read here; it is on no command line. The cell is PROBE_CODE of the environment,
or a small one of its own.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import websocket

port, token_file, kernel, *start = sys.argv[1:]
with open(token_file) as stream:
    token = stream.read().strip()
CODE = "import sys, os; print(sys.prefix, os.getuid())"
base = f"127.0.0.1:{port}"
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(path, method="GET", body=None, with_token=True):
    headers = {"Authorization": f"token {token}"} if with_token else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{base}{path}", data=data, headers=headers, method=method)
    try:
        with opener.open(request, timeout=60) as answer:
            text = answer.read().decode()
            return answer.status, json.loads(text) if text.startswith(("{", "[")) else text
    except urllib.error.HTTPError as error:
        return error.code, None


def run(kernel_id, code):
    """What a cell prints and its error, as the notebook's page gets it."""
    channel = websocket.create_connection(
        f"ws://{base}/api/kernels/{kernel_id}/channels",
        header=[f"Authorization: token {token}"],
        timeout=120,
        http_no_proxy=["127.0.0.1"],
    )
    message = {
        "header": {
            "msg_id": uuid.uuid4().hex,
            "username": "",
            "session": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "version": "5.3",
        },
        "parent_header": {},
        "metadata": {},
        "content": {
            "code": code,
            "silent": False,
            "store_history": False,
            "user_expressions": {},
            "allow_stdin": False,
        },
        "channel": "shell",
    }
    channel.send(json.dumps(message))
    printed, error = "", ""
    while True:
        answer = json.loads(channel.recv())
        if answer["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            continue
        if answer["msg_type"] == "stream":
            printed += answer["content"]["text"]
        elif answer["msg_type"] == "error":
            error = answer["content"]["evalue"]
        elif answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
            channel.close()
            return printed.strip(), error


def wait():
    deadline = time.monotonic() + 60
    while True:
        try:
            return ask("/api")[1]["version"]
        except OSError:
            if time.monotonic() > deadline or (server and server.poll() is not None):
                raise
            time.sleep(0.5)


server = subprocess.Popen(start, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) if start else None
try:
    found = {"version": wait()}
    found["without_token"], found["with_token"] = ask("/api/status", with_token=False)[0], ask("/api/status")[0]
    specs = ask("/api/kernelspecs")[1]
    found["default_kernel"], found["kernels"] = specs["default"], sorted(specs["kernelspecs"])
    status, started = ask("/api/kernels", "POST", {"name": kernel})
    assert status == 201, f"the kernel {kernel} does not start: {status}"
    try:
        found["printed"], found["error"] = run(started["id"], os.environ.get("PROBE_CODE", CODE))
    finally:
        ask(f"/api/kernels/{started['id']}", "DELETE")
    print(json.dumps(found))
finally:
    if server:
        server.terminate()
        server.wait(60)

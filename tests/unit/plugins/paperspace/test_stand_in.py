# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-in itself: it keeps to its schema, lets somebody else do the work, and serves other programs."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import paperspace_api
import pytest
from paperspace_api import schema
from paperspace_api.cloud import Driver

TESTS = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ({"a": 1}, {"a": int}, []),
        ({"a": "1"}, {"a": int}, ["a has the wrong type"]),
        ({"a": True}, {"a": int}, ["a has the wrong type"]),
        ({}, {"a": int}, ["a is required"]),
        ({"a": 1, "b": 1}, {"a": int}, ["b is not known"]),
        ({"a": None}, {"a": schema.Maybe(int)}, []),
        ({"a": "x"}, {"a": schema.Maybe(int)}, ["a has the wrong type"]),
        ({"a": [1, "x"]}, {"a": schema.Each(int)}, ["a.1 has the wrong type"]),
        ({"a": 1}, {"a": schema.Each(int)}, ["a is no list"]),
        ({"a": "on"}, {"a": schema.STATES}, ["a is none of " + ", ".join(schema.STATES)]),
        ([], {"a": int}, [" is no object"]),
    ],
)
def test_what_breaks_a_schema(value, kind, said):
    found = [".".join(fault["path"]) + " " + fault["message"] for fault in schema.faults(value, kind)]
    assert found == said


def asked(server, method, path, body=None, key=None):
    """(status, data) of one request."""
    request = urllib.request.Request(
        server.url + path,
        data=json.dumps(body).encode() if body is not None else None,
        method=method,
        headers={"Authorization": f"Bearer {key or server.key}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/machines", None, 200, None),
        ("GET", "/machines?limit=121", None, 400, "BAD_REQUEST"),
        ("GET", "/machines?limit=0", None, 400, "BAD_REQUEST"),
        ("GET", "/machines?colour=red", None, 400, "BAD_REQUEST"),
        ("GET", "/machines?after=nowhere", None, 400, "BAD_REQUEST"),
        ("GET", "/os-templates?orderBy=dtCreated", None, 400, "BAD_REQUEST"),
        ("GET", "/machines/nobody", None, 404, "NOT_FOUND"),
        ("GET", "/nothing", None, 404, "NOT_FOUND"),
        ("POST", "/machines", {"name": "x", "colour": "red"}, 400, "BAD_REQUEST"),
        ("POST", "/os-templates", {}, 405, "METHOD_NOT_SUPPORTED"),
    ],
)
def test_what_it_refuses(server, method, path, body, status, code):
    found, data = asked(server, method, path, body)
    assert (found, data.get("code")) == (status, code)
    assert asked(server, method, path, body, "wrong")[0] == 401


def test_it_does_not_answer_what_breaks_its_schema(cloud, server):
    cloud.add_machine("box", state="asleep")
    status, data = asked(server, "GET", "/machines")
    assert status == 500 and "breaks its schema" in data["message"]


class Containers(Driver):
    """Notes what it is asked for; what is called `bad` cannot be made."""

    def __init__(self):
        self.asked = []

    def create(self, machine, template):
        self.asked.append(("create", template["operatingSystemLabel"]))
        if machine["name"] == "bad":
            raise OSError("no image")
        return {"publicIp": "172.17.0.2"}

    def stop(self, machine):
        self.asked.append(("stop", machine["name"]))

    def template(self, machine, template):
        self.asked.append(("template", template["name"]))


def test_somebody_else_does_the_work(run, cloud):
    cloud.driver = Containers()
    new = {
        "machine_type": "C5",
        "template": "Ubuntu 22.04",
        "region": "ny2",
        "disk_size": 50,
        "public_ip_type": "static",
    }
    assert run("machine", name="good", **new)["machine"]["public_ip"] == "172.17.0.2"
    assert "create failed: no image" in run("machine", name="bad", **new)["msg"]
    run("machine", name="good", state="stopped")
    run("template", name="golden", machine="good")
    assert cloud.driver.asked == [
        ("create", "Ubuntu 22.04"),
        ("create", "Ubuntu 22.04"),
        ("stop", "good"),
        ("template", "golden"),
    ]


def test_it_serves_other_programs():
    command = [sys.executable, "-m", "paperspace_api", "--machines", "3", "--event-seconds", "0.01"]
    with subprocess.Popen(command, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        told = json.loads(process.stdout.readline())

        class Server:
            url, key = told["url"], told["key"]

        class Control:
            url, key = told["url"].rpartition("/")[0] + "/-", told["key"]

        assert len(asked(Server, "GET", "/machines")[1]["items"]) == 3
        asked(Control, "POST", "/faults", [{"kind": "500", "times": 1}])
        assert asked(Server, "GET", "/machines")[0] == 500
        asked(Control, "POST", "/fail", [{"event": "start", "error": "No capacity"}])
        requests = asked(Control, "GET", "/requests")[1]["requests"]
        assert [one[3] for one in requests] == [200, "500"]
        # It ends with its standard input.
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_a_fault_that_is_none():
    with pytest.raises(ValueError, match="no fault 'flood'; there are: 429"):
        paperspace_api.Fault("flood")

"""What a person finds on a host with the groups `archive` and `system`."""

from __future__ import annotations

import json


def test_the_tools_run(host):
    assert host.run("zip --version").rc == 0
    assert host.run("unzip -v").rc == 0
    assert host.check_output("command -v dialog") == "/usr/bin/dialog"


def test_what_was_there_before_is_not_called_ours(host):
    record = json.loads(host.file("/var/lib/mlinabox/apt/tools.json").content_string)
    assert "zip" in record["installed"]
    assert "sudo" in record["requested"]
    assert "sudo" not in record["installed"]

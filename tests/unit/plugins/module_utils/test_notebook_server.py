# Copyright: (c) 2026, The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a person's JupyterLab is started, and who has a port."""

from __future__ import annotations

import getpass
import json
import os
import pwd
import socket
import subprocess
import sys

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _listeners
from ansible_collections.mlinabox.core.plugins.module_utils import _notebook_server as notebook
from ansible_collections.mlinabox.core.plugins.module_utils._box import Box, BoxError

# /proc/net/tcp of Linux 5.15: one listener on 127.0.0.1:8888, one connection to it, one listener on all addresses.
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:22B8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 34567 1 0000000000000000
   1: 0100007F:22B8 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 34568 1 0000000000000000
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 20001 1 0000000000000000
"""


@pytest.mark.parametrize(
    ("port", "found"), [(8888, [("127.0.0.1", 1000, "34567")]), (22, [("0.0.0.0", 0, "20001")]), (80, [])]
)
def test_only_listeners_count(port, found):
    assert _listeners.sockets(TCP, port) == found


def test_an_address_reads_as_people_write_it():
    assert _listeners._address("0100007F") == "127.0.0.1"
    assert _listeners._address("00000000000000000000000001000000") == "::1"


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_the_holder_of_a_port_is_named(taken):
    found = _listeners.listeners(taken)
    assert [one["pid"] for one in found] == [os.getpid()]
    with open(_listeners.__file__) as source:
        done = subprocess.run([sys.executable, "-I", "-", str(taken)], stdin=source, capture_output=True, check=True)
    assert json.loads(done.stdout)[str(taken)][0]["pid"] == os.getpid()


def test_a_taken_port_is_one_line_with_the_holder(taken):
    with pytest.raises(BoxError, match=rf"port {taken} of 127.0.0.1 cannot be had: .*pid {os.getpid()}"):
        notebook.check_port(notebook.Server("me", taken, "", ""))


@pytest.fixture
def etc(tmp_path):
    place = tmp_path / "etc" / getpass.getuser()
    place.mkdir(parents=True)
    (place / "settings.json").write_text('{"port": 8890, "root_dir": ""}')
    (place / "token").write_text("not to be seen")
    return str(tmp_path / "etc")


def test_the_token_is_neither_in_the_command_line_nor_in_the_environment(etc):
    server = notebook.settings(getpass.getuser(), etc)
    box = Box("/opt/mlinabox")
    command = notebook.command(box, server, etc)
    variables = notebook.environment(box, server, {"PYTHONPATH": "/x", "LANG": "C.UTF-8", "TOKEN": "t"})
    assert "not to be seen" not in " ".join([*command, *variables.values()])
    assert variables["JUPYTER_TOKEN_FILE"] == server.token_file
    assert command[-2:] == ["--ServerApp.port=8890", f"--ServerApp.root_dir={pwd.getpwuid(os.getuid()).pw_dir}"]
    assert "PYTHONPATH" not in variables and "TOKEN" not in variables and variables["LANG"] == "C.UTF-8"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"port": "8888"}', '{"port": 0}', '{"port": 65536}'])
def test_settings_that_make_no_sense_are_one_line(etc, text):
    path = os.path.join(etc, getpass.getuser(), "settings.json")
    with open(path, "w") as stream:
        stream.write(text)
    with pytest.raises(BoxError, match=r"settings\.json"):
        notebook.settings(getpass.getuser(), etc)


def test_who_has_none_is_told_who_has(etc):
    with pytest.raises(BoxError, match=rf"nobody9 has no JupyterLab on this box .{getpass.getuser()} has"):
        notebook.settings("nobody9", etc)

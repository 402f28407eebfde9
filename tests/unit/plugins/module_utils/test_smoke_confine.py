# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What confines a smoke check, seen from inside of one."""

from __future__ import annotations

import os

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _smoke
from ansible_collections.mlinabox.core.plugins.module_utils._smoke import run_checks
from ansible_collections.mlinabox.core.plugins.module_utils._smoke_table import table
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.smoke import PYTHON, as_root, check, cut_off

CONFINED = {
    "home is new, private, the current folder and empty": (
        "import os\n"
        "assert os.getcwd() == os.environ['HOME']\n"
        "assert os.stat('.').st_mode & 0o777 == 0o700 and os.stat('.').st_uid == os.getuid()\n"
        "assert [name for name in os.listdir('.') if not name.startswith('.')] == ['tmp']"
    ),
    "everything that is written by default goes below home": (
        "import os, tempfile\n"
        "home = os.environ['HOME'] + '/'\n"
        "assert tempfile.gettempdir().startswith(home)\n"
        "assert all(os.environ[n].startswith(home) for n in os.environ if n.startswith('XDG_') or n == 'MPLCONFIGDIR')"
    ),
    "the caller's variables do not reach it": "import os\nassert 'SMOKE_SECRET' not in os.environ",
    "the environment's own commands come first": (
        f"import os\nassert os.environ['PATH'].split(':')[0] == {os.path.dirname(PYTHON)!r}"
    ),
    "no privileges can be gained": "assert 'NoNewPrivs:\\t1' in open('/proc/self/status').read()",
    "its files are its own": (
        "import os\nopen('f', 'w').close()\nassert os.stat('f').st_mode & 0o777 == 0o600\n"
        "assert not os.access(__file__, os.W_OK) or os.getuid() == os.stat(__file__).st_uid"
    ),
    "no core files, no bytecode, no user's packages": (
        "import resource, sys\n"
        "assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)\n"
        "assert sys.dont_write_bytecode and sys.flags.no_user_site"
    ),
    "it leads a session of its own": "import os\nassert os.getsid(0) == os.getpgid(0) == os.getpid()",
    "it is what is ended first where memory runs out": "assert open('/proc/self/oom_score_adj').read() == '1000\\n'",
}

CONFINED_AS_ROOT = {
    "it runs as nobody, with nobody's group and no other": (
        "import os, pwd\nnobody = pwd.getpwnam('nobody')\n"
        "assert os.getresuid() == (nobody.pw_uid,) * 3 and os.getresgid() == (nobody.pw_gid,) * 3\n"
        "assert os.getgroups() == [] and os.environ['USER'] == 'nobody'"
    ),
    "it cannot write to a folder of root's": (
        "for folder in ('/etc', '/usr', '/root'):\n"
        "    try:\n        open(folder + '/smoke', 'w')\n    except PermissionError:\n        continue\n"
        "    raise AssertionError(folder)"
    ),
    "it cannot become root again": (
        "import os\ntry:\n    os.setuid(0)\nexcept PermissionError:\n    pass\nelse:\n    raise AssertionError"
    ),
}

CUT_OFF = {
    "no network but loopback": (
        "import errno, socket\n"
        "assert [name for _index, name in socket.if_nameindex() if name == 'eth0'] == []\n"
        "try:\n    socket.create_connection(('192.0.2.1', 80), timeout=5)\n"
        "except OSError as error:\n    assert error.errno == errno.ENETUNREACH, error\n"
        "else:\n    raise AssertionError('there is a network')"
    ),
    "loopback is up": (
        "import socket\nserver = socket.create_server(('127.0.0.1', 0))\nsocket.create_connection(server.getsockname())"
    ),
}


@pytest.mark.parametrize(
    "cases",
    [pytest.param(CONFINED), pytest.param(CONFINED_AS_ROOT, marks=as_root), pytest.param(CUT_OFF, marks=cut_off)],
    ids=["always", "as root", "cut off"],
)
def test_a_check_is_confined(cases, scratch, monkeypatch):
    monkeypatch.setenv("SMOKE_SECRET", "x")
    results = run_checks(PYTHON, [check(script, name=name) for name, script in cases.items()], scratch=scratch)
    assert {result.name: result.message for result in results if not result.ok} == {}


def test_more_variables_can_be_given(scratch):
    script = "import os\nassert (os.environ['LANG'], os.environ['MORE']) == ('C', 'x')"
    (result,) = run_checks(PYTHON, [check(script)], scratch=scratch, env={"LANG": "C", "MORE": "x"})
    assert result.ok, result.message


def test_a_machine_without_namespaces_is_said_not_failed(scratch, monkeypatch):
    monkeypatch.setattr(_smoke, "why_not_cut_off", lambda: "a network namespace cannot be made here (not permitted)")
    own = os.readlink("/proc/self/ns/net")
    script = f"import os\nassert os.readlink('/proc/self/ns/net') == {own!r}"
    results = run_checks(PYTHON, [check(script)], scratch=scratch)
    assert results[0].ok, results[0].message
    assert table(results).splitlines()[-1] == (
        "The checks ran with the machine's network: a network namespace cannot be made here (not permitted)"
    )

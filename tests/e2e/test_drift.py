"""What was done to a live environment by hand: found in check mode, named, and repaired by a new generation.

The module runs as it does on a host, over a scratch root on this machine.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_stack import SIX

ROOT = Path(__file__).resolve().parents[2]
MODULE = "ansible_collections.mlinabox.core.plugins.modules.pip_lock"
UV = Path(sys.executable).with_name("uv")
TABULATE = "024ca478df22e9340661486f85298cff5f6dcdba14f3813e8830015b9ed1948f"
PINS = [
    {"name": "six", "version": "1.16.0", "hashes": [f"sha256:{SIX['1.16.0']}"], "source": "lock.txt:1"},
    {"name": "tabulate", "version": "0.9.0", "hashes": [f"sha256:{TABULATE}"], "source": "lock.txt:2"},
]


class Box:
    """An environment under a scratch root."""

    def __init__(self, root):
        self.root = root

    def pip_lock(self, integrity="size", check=False):
        """Runs the module; returns its result (dict)."""
        arguments = {
            "name": "box",
            "root": str(self.root),
            "uv": str(UV),
            "python": sys.executable,
            "lock": "lock.txt",
            "integrity": integrity,
            "_pins": PINS,
            "_ansible_check_mode": check,
        }
        done = subprocess.run(
            [sys.executable, "-m", MODULE],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            capture_output=True,
            text=True,
            cwd=ROOT / "collections",
            env={**os.environ, "UV_SYSTEM_CERTS": "1"},
            check=False,
        )
        print(done.stdout[-2000:], done.stderr[-2000:])
        result = json.loads(done.stdout)
        assert not result.get("failed"), result["msg"]
        return result

    @property
    def live(self):
        return (self.root / "envs" / "box" / "current").resolve()

    @property
    def site(self):
        return next((self.live / "lib").glob("python3*")) / "site-packages"

    def works(self):
        """Both packages import and are of the lock's versions."""
        program = "import six, tabulate; print(six.__version__, tabulate.__version__)"
        run = subprocess.run(
            [self.live / "bin" / "python", "-I", "-c", program], capture_output=True, text=True, check=False
        )
        return run.stdout.split() == ["1.16.0", "0.9.0"]


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    made = Box(tmp_path_factory.mktemp("root"))
    assert made.pip_lock()["changed"]
    assert made.works()
    return made


def deleted(box):
    (box.site / "six.py").unlink()


def appended(box):
    """In place, so that uv's cache has it too where it shares the file."""
    with (box.site / "six.py").open("ab") as stream:
        stream.write(b"raise SystemExit('damaged')\n")


def altered(box):
    path = box.site / "six.py"
    path.write_bytes(path.read_bytes().replace(b"1.16.0", b"9.99.9", 1))


def bytecode_cut(box):
    os.truncate(next((box.site / "__pycache__").glob("six.*.pyc")), 20)


def record_gone(box):
    (box.site / "six-1.16.0.dist-info" / "RECORD").unlink()


def package_removed(box):
    (box.site / "six.py").unlink()
    shutil.rmtree(box.site / "six-1.16.0.dist-info")


def package_changed(box):
    (box.site / "six-1.16.0.dist-info").rename(box.site / "six-1.15.0.dist-info")


def package_added(box):
    info = box.site / "extra-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n")


def configuration_gone(box):
    (box.live / "pyvenv.cfg").unlink()


def interpreter_gone(box):
    (box.live / "bin" / "python").unlink()


def manifest_gone(box):
    (box.live / ".mlinabox" / "files.txt").unlink()


@pytest.mark.parametrize(
    ("what", "integrity", "plan", "said"),
    [
        (deleted, "size", {"six": "repair"}, "six.py is missing"),
        (appended, "size", {"six": "repair"}, "six.py has"),
        (altered, "hash", {"six": "repair"}, "six.py has another content"),
        (bytecode_cut, "size", {"six": "repair"}, ".pyc has 20 bytes"),
        (record_gone, "size", {"six": "repair"}, "RECORD is missing"),
        (package_removed, "size", {"six": "install"}, ""),
        (package_removed, "none", {"six": "install"}, ""),
        (package_changed, "size", {"six": "upgrade"}, ""),
        (package_added, "none", {"extra": "remove"}, ""),
        (configuration_gone, "size", {}, "pyvenv.cfg is missing"),
        (interpreter_gone, "none", {}, "interpreter is gone"),
        (manifest_gone, "size", {"six": "install", "tabulate": "install"}, "files.txt"),
    ],
)
def test_drift_is_found_named_and_repaired(box, what, integrity, plan, said):
    before = box.live
    what(box)
    planned = box.pip_lock(integrity, check=True)
    assert planned["changed"]
    assert {step["name"]: step["action"] for step in planned["plan"]} == plan
    assert said in json.dumps([planned["plan"], planned["reasons"]])
    assert box.live == before
    done = box.pip_lock(integrity)
    assert done["plan"] == planned["plan"] and done["reasons"] == planned["reasons"]
    assert box.live != before
    assert box.works()
    # By hash: also what uv's cache shared with the damaged file has been fetched again.
    again = box.pip_lock("hash")
    assert not again["changed"], again["summary"]


def test_files_are_shared_with_the_cache(box):
    """Else the case `appended` would show less than it says."""
    if (box.site / "six.py").stat().st_nlink == 1:
        pytest.skip("this file system copies or clones, so there is nothing to share")

"""Locks that other tools write, made here and now, then read by ours and held against what uv makes of the same file.

Needs a package index and no test host: what is installed goes into a folder of this machine.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

ROOT = Path(__file__).resolve().parents[2]
_AnsibleCollectionFinder(paths=[str(ROOT / "collections")], scan_sys_paths=False)._install()

from ansible_collections.mlinabox.core.plugins.plugin_utils._lock_file import (  # noqa: E402 - found by the line above
    Host,
    LockFileError,
    marker_environment,
)
from ansible_collections.mlinabox.core.plugins.plugin_utils._locks import read_lock  # noqa: E402 - likewise

VERSION = platform.python_version()
SHORT = VERSION.rpartition(".")[0]
GLIBC = tuple(int(part) for part in os.confstr("CS_GNU_LIBC_VERSION").split()[1].split("."))
#: What the project comes to here, with its extra and its group: transitive ones too, without what is Windows' alone.
NAMES = {"certifi", "charset-normalizer", "idna", "requests", "six", "tabulate", "urllib3"}
NAMES |= {"typing-extensions"} if SHORT < "3.13" else set()
REQUIREMENTS = [
    "requests==2.32.3",
    "colorama==0.4.6 ; sys_platform == 'win32'",
    "typing-extensions==4.12.2 ; python_version < '3.13'",
]
PROJECT = f"""\
[project]
name = "small"
version = "0.1.0"
requires-python = ">=3.11,<4"
dependencies = {json.dumps(REQUIREMENTS)}
optional-dependencies = {{ table = ["tabulate==0.9.0"] }}
[dependency-groups]
dev = ["six==1.17.0"]
[tool.uv]
package = false
[tool.pdm]
distribution = false
[tool.poetry]
package-mode = false
"""
UV = Path(sys.executable).with_name("uv")


@dataclass(frozen=True)
class Made:
    """A lock that was made: its path, and with which extras and groups uv and we read it."""

    path: Path
    extras: tuple = ()
    groups: tuple | None = None

    @property
    def asked(self):
        """uv's arguments (list of str) for them."""
        groups = [] if self.groups is None else [argument for one in self.groups for argument in ("--group", one)]
        return [argument for one in self.extras for argument in ("--extra", one)] + groups


class Workshop:
    """Where locks are made: a project in a folder, tools by their own hash-locked requirements, no one's settings."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "home").mkdir()
        cache = subprocess.run([UV, "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
        settings = ("PIP_", "UV_", "POETRY_", "PDM_", "XDG_", "VIRTUAL_ENV", "PYTHONPATH")
        # Of this machine, the index and the certificates count, and nothing else.
        kept = ("PIP_INDEX_URL", "PIP_CERT", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(settings) or name in kept}
        self.env.update(
            HOME=str(folder / "home"),
            PIP_CONFIG_FILE=os.devnull,
            PIP_DISABLE_PIP_VERSION_CHECK="1",
            UV_NO_CONFIG="1",
            UV_CACHE_DIR=cache,
            UV_PYTHON=sys.executable,
            NO_COLOR="1",
            PDM_CHECK_UPDATE="0",
            POETRY_VIRTUALENVS_CREATE="false",
        )

    def run(self, *command, cwd=None):
        """Runs a command in the project's folder; returns what it printed (str)."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd or self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        print(f"+ {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
        assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr[-2000:]}"
        return done.stdout + done.stderr

    def tool(self, name):
        """Installs one of tests/locks; returns the folder (Path) of its programs."""
        place = self.folder.parent / "tools" / name
        if not place.exists():
            self.run(UV, "venv", "--quiet", place)
            lock = ROOT / "tests" / "locks" / f"{name}.txt"
            self.run(UV, "pip", "sync", "--quiet", "--require-hashes", "--python", place / "bin/python", lock)
        return place / "bin"

    def project(self, more=""):
        """Writes the project."""
        (self.folder / "pyproject.toml").write_text(PROJECT + more)


def pip_lock(shop):
    (shop.folder / "wanted.txt").write_text("\n".join([*REQUIREMENTS, "tabulate==0.9.0", "six==1.17.0", ""]))
    shop.run(shop.tool("pip") / "python", "-m", "pip", "lock", "-q", "-r", "wanted.txt", "-o", "pylock.pip.toml")
    return Made(shop.folder / "pylock.pip.toml")


def uv_requirements(shop):
    shop.run(UV, "export", "-q", "--all-extras", "--format", "requirements.txt", "-o", "requirements.txt")
    return Made(shop.folder / "requirements.txt")


def uv_pylock(shop):
    shop.run(UV, "export", "-q", "--all-extras", "--format", "pylock.toml", "-o", "pylock.toml")
    return Made(shop.folder / "pylock.toml")


def pip_compile(shop):
    (shop.folder / "dev.in").write_text("six==1.17.0\n")
    options = ("--quiet", "--generate-hashes", "--extra", "table", "--output-file=made.txt")
    shop.run(shop.tool("pip-tools") / "pip-compile", *options, "pyproject.toml", "dev.in")
    return Made(shop.folder / "made.txt")


def poetry_export(shop):
    # Poetry asks an interface of the default index that mirrors lack; by its address it is an index like any other. It
    # then writes a line --index-url.
    index = re.search(r'^index = "(.+)"', uv_pylock(shop).path.read_text(), re.MULTILINE).group(1)
    shop.project(f'[[tool.poetry.source]]\nname = "the-index"\nurl = "{index}/"\npriority = "primary"\n')
    programs = shop.tool("poetry")
    shop.run(programs / "poetry", "lock", "--no-interaction")
    shop.run(programs / "poetry", "export", "--extras", "table", "--with", "dev", "--output", "poetry.txt")
    assert (shop.folder / "poetry.txt").read_text().startswith("--index-url ")
    return Made(shop.folder / "poetry.txt")


def _pdm(shop, *arguments):
    programs = shop.tool("pdm")
    if not (shop.folder / "pdm.lock").exists():
        shop.run(programs / "pdm", "use", "--quiet", "--first", sys.executable)
        shop.run(programs / "pdm", "lock", "--quiet", "--group", ":all")
    shop.run(programs / "pdm", "export", "--group", "table", "--group", "dev", *arguments)


def pdm_requirements(shop):
    _pdm(shop, "--output", "pdm.txt")
    return Made(shop.folder / "pdm.txt")


def pdm_pylock(shop):
    _pdm(shop, "--format", "pylock", "--output", "pylock.pdm.toml")
    return Made(shop.folder / "pylock.pdm.toml", ("table",), ("default", "dev"))


MAKERS = [pip_lock, uv_requirements, uv_pylock, pip_compile, poetry_export, pdm_requirements, pdm_pylock]
#: Which of them hold for other Pythons than this one too.
UNIVERSAL = {uv_requirements, uv_pylock, poetry_export, pdm_requirements, pdm_pylock}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Makes each lock once (function of a maker to (Workshop, Made))."""
    base, found = tmp_path_factory.mktemp("locks"), {}

    def make(maker):
        if maker not in found:
            folder = base / maker.__name__
            folder.mkdir()
            shop = Workshop(folder)
            shop.project()
            found[maker] = shop, maker(shop)
        return found[maker]

    return make


def read(lock, version=VERSION):
    """What our reader makes of a lock for a Python of this machine: name -> version (dict)."""
    host = Host(marker_environment(version), GLIBC, extras=lock.extras, groups=lock.groups)
    pins = read_lock(str(lock.path)).narrow(host)
    assert all(pin.hashes for pin in pins) and not any(pin.index for pin in pins)
    return {pin.name: pin.version for pin in pins}


def uv_says(shop, lock, *arguments):
    """What uv would install of a lock into an empty environment: name -> version (dict)."""
    place = shop.folder / "empty"
    shop.run(UV, "venv", "--quiet", "--clear", place)
    python = ("--python", place / "bin/python")
    printed = shop.run(UV, "pip", "sync", "--dry-run", *python, *lock.asked, *arguments, lock.path)
    return dict(re.findall(r"^ \+ (\S+)==(\S+)$", printed, re.MULTILINE))


@pytest.mark.parametrize("maker", MAKERS)
def test_read_as_uv_reads_it(made, maker):
    shop, lock = made(maker)
    found = read(lock)
    assert found == uv_says(shop, lock)
    assert set(found) == NAMES
    assert {name: found[name] for name in ("requests", "six", "tabulate")} == {
        "requests": "2.32.3",
        "six": "1.17.0",
        "tabulate": "0.9.0",
    }


@pytest.mark.parametrize("version", ["3.11.9", "3.13.5"])
@pytest.mark.parametrize("maker", [maker for maker in MAKERS if maker in UNIVERSAL])
def test_for_another_python_as_uv_does(made, maker, version):
    shop, lock = made(maker)
    found = read(lock, version)
    assert found == uv_says(shop, lock, "--python-version", version)
    assert ("typing-extensions" in found) == (version < "3.13")


@pytest.mark.parametrize("maker", [uv_pylock, pdm_pylock])
def test_a_lock_for_another_python_says_what_it_is_for(made, maker):
    _shop, lock = made(maker)
    with pytest.raises(
        LockFileError, match=r"pylock\S*:\d+: the lock is for Python .*3\.11.*this host is Python 3\.9\.2 on"
    ):
        read(lock, "3.9.2")


def test_a_lock_of_one_machine_says_which_wheel_another_lacks(made):
    _shop, lock = made(pip_lock)
    with pytest.raises(LockFileError, match=rf":\d+: charset-normalizer: .*are for cp{SHORT.replace('.', '')}-"):
        read(lock, "3.9.2")


def test_extras_and_groups_are_those_asked_for(made):
    shop, lock = made(pdm_pylock)
    for extras, groups in [((), None), (("table",), None), ((), ("dev",)), ((), ("default",))]:
        asked = Made(lock.path, extras, groups)
        assert read(asked) == uv_says(shop, asked)
    with pytest.raises(
        LockFileError, match=r"pylock.pdm.toml:\d+: the lock was made without the extra tables; it has table"
    ):
        read(Made(lock.path, ("tables",)))


def test_the_project_itself_cannot_be_hashed(made, tmp_path):
    """What `uv export` and `pip lock` write of a project that is a package: refused, with what to do."""
    shop = Workshop(tmp_path)
    shop.project()
    project = tmp_path / "pyproject.toml"
    project.write_text(project.read_text().replace("package = false", "package = true"))
    for name, options in [("pylock.toml", ("--format", "pylock.toml")), ("made.txt", ("--format", "requirements.txt"))]:
        shop.run(UV, "export", "-q", "--all-extras", *options, "-o", name)
        with pytest.raises(LockFileError, match=rf"{name}:\d+: .*cannot be hashed.*`uv export --no-emit-project`"):
            read(Made(tmp_path / name))
        shop.run(UV, "export", "-q", "--all-extras", "--no-emit-project", *options, "-o", name)
        assert set(read(Made(tmp_path / name))) == NAMES


@pytest.mark.parametrize("maker", [poetry_export, pdm_pylock])
def test_the_module_installs_it(made, maker, tmp_path):
    """With pip_lock, into a root of its own: changed, then not."""
    shop, lock = made(maker)
    root = tmp_path / "root"
    arguments = {"name": "mine", "lock": str(lock.path), "python": sys.executable, "root": str(root), "uv": str(UV)}
    arguments.update(extras=list(lock.extras), **({"groups": list(lock.groups)} if lock.groups else {}))
    if os.geteuid() == 0:
        # The smoke checks' user enters it.
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)

    def install(*more):
        printed = shop.run(
            Path(sys.executable).with_name("ansible"),
            *("localhost", "--connection", "local", "--extra-vars", f"ansible_python_interpreter={sys.executable}"),
            *("--module-name", "mlinabox.core.pip_lock", "--args", json.dumps(arguments), "--one-line", *more),
            cwd=ROOT,
        )
        return json.loads(re.search(r"=> (\{.*\})\s*$", printed, re.MULTILINE).group(1))

    planned = install("--check")
    first = install()
    assert planned["changed"] and first["changed"]
    assert planned["plan"] == first["plan"]
    assert {step["name"] for step in first["plan"]} == NAMES
    second = install()
    assert not second["changed"] and second["plan"] == []
    assert second["generation"] == first["generation"]
    python = root / "envs" / "mine" / "current" / "bin" / "python"
    assert shop.run(python, "-c", "import requests, six, tabulate; print(requests.__version__)").strip() == "2.32.3"

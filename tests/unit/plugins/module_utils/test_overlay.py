# Copyright: (c) 2026, The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's own environment over a generation, with real virtual environments."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _mlbox_cli, _overlay
from ansible_collections.mlinabox.core.plugins.module_utils._box import Box, BoxError
from ansible_collections.mlinabox.core.plugins.module_utils._generations import Environment, InUseError
from hypothesis import given
from hypothesis import strategies as st

G1, G2, G3 = "20260101T000000Z-11111111", "20260201T000000Z-22222222", "20260301T000000Z-33333333"


def distribution(site, name, version, source=""):
    """An installed package, as small as one can be."""
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text("")
    (info / "INSTALLER").write_text("pip\n")
    (site / f"{name}.py").write_text(source or f"version = {version!r}\n")


def generation(root, name, version="1.0", pip=False):
    """A proved generation of `stack` that has one package, `alpha`."""
    place = root / "envs" / "stack" / name
    options = [] if pip else ["--without-pip"]
    subprocess.run([sys.executable, "-I", "-m", "venv", "--symlinks", *options, str(place)], check=True)
    site = next(place.glob("lib/python*/site-packages"))
    distribution(site, "alpha", version)
    (site / "ipykernel").mkdir()
    (site / "extra").mkdir()
    (site / "extra" / "beta.py").write_text("")
    # A base has .pth files of its own (nspkg, editable installs): they count through the overlay too.
    (site / "more.pth").write_text(str(site / "extra") + "\n")
    program = place / "bin" / "hello"
    program.write_text(f"#!{place}/bin/python\nimport sys, alpha\nprint(alpha.version, sys.prefix)\n")
    program.chmod(0o755)
    (place / ".mlinabox").mkdir()
    (place / ".mlinabox" / "use.lock").write_text("")
    (place / ".mlinabox" / "state.json").write_text("{}")
    return place


def switch(root, name):
    Environment(str(root), "stack").switch(name)


@pytest.fixture
def root(tmp_path):
    place = tmp_path / "box"
    generation(place, G1)
    overlays = place / "envs" / "stack" / "overlays"
    overlays.mkdir()
    switch(place, G1)
    return place


@pytest.fixture
def home(tmp_path, root):
    place = tmp_path / "home of mine"  # paths with a space have broken such scripts before
    place.mkdir()
    return _overlay.Home(Box(str(root)), str(place), os.getuid())


def python(place, code, **more):
    done = subprocess.run([f"{place}/bin/python", "-c", code], capture_output=True, text=True, check=True, **more)
    return done.stdout.strip()


def tree(path):
    """All that is there, by name: what a failed command must not change."""
    return sorted(os.path.join(at, name) for at, folders, files in os.walk(path) for name in folders + files)


def wheel(folder, name, version):
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", f"version = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


def test_it_is_a_virtual_environment_over_the_resolved_generation(home, root):
    place = home.create("mine")
    code = "import sys, alpha, beta; print(sys.prefix, alpha.__file__, sep='|')"
    prefix, origin = python(place, code).split("|")
    assert prefix == place
    assert origin.startswith(f"{root}/envs/stack/{G1}/")
    assert os.readlink(root / "envs" / "stack" / "overlays" / f"{G1}@{os.getuid()}@mine") == place


def test_the_bases_programs_run_in_it(home):
    place = home.create("mine")
    done = subprocess.run([f"{place}/bin/hello"], capture_output=True, text=True, check=True)
    assert done.stdout == f"1.0 {place}\n"


def test_its_own_packages_come_first(home):
    place = home.create("mine")
    site = next(_overlay_site(place))
    distribution(site, "alpha", "9.0")
    assert python(place, "import alpha; print(alpha.version)") == "9.0"


def _overlay_site(place):
    return pathlib.Path(place).glob("lib/python*/site-packages")


def test_the_kernel_is_the_persons(home):
    place = home.create("mine")
    spec = json.loads(pathlib.Path(home.kernels, "mlbox-mine", "kernel.json").read_text())
    assert spec["argv"][0] == f"{place}/bin/python"
    assert "{connection_file}" in spec["argv"]


def test_a_running_program_keeps_the_base_through_a_rebase(home, root):
    place = home.create("mine")
    generation(root, G2, "2.0")
    late = "print(flush=True); input(); import alpha; print(alpha.version)"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([f"{place}/bin/python", "-c", late], **pipes) as running:
        running.stdout.readline()
        switch(root, G2)
        home.rebase("mine")
        with pytest.raises(InUseError, match="programs running"):
            Environment(str(root), "stack").remove(G1)
        assert running.communicate("\n")[0].strip() == "1.0"
    Environment(str(root), "stack").remove(G1)
    assert python(place, "import alpha; print(alpha.version)") == "2.0"


def test_its_generation_is_kept_while_it_is_there(home, root):
    home.create("mine")
    generation(root, G2, "2.0")
    switch(root, G2)
    with pytest.raises(InUseError, match="mine"):
        Environment(str(root), "stack").remove(G1)
    home.remove("mine")
    Environment(str(root), "stack").remove(G1)
    assert not os.listdir(root / "envs" / "stack" / "overlays")


def on_a_terminal(command):
    """What a person sees: stderr is a terminal."""
    master, slave = pty.openpty()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=slave, check=True)
    os.close(slave)
    seen = b""
    try:
        while part := os.read(master, 4096):
            seen += part
    except OSError:
        pass  # Linux ends a terminal whose other side is closed with EIO
    os.close(master)
    return seen.decode()


def test_a_person_is_told_once_that_the_base_moved(home, root):
    place = home.create("mine")
    nested = [f"{place}/bin/python", "-c", "import subprocess, sys; subprocess.run([sys.executable, '-c', ''])"]
    assert on_a_terminal(nested) == ""
    generation(root, G2)
    switch(root, G2)
    assert on_a_terminal(nested).split("\r\n") == [f"mlbox: base moved from {G1} to {G2}: mlbox env rebase mine", ""]
    quiet = subprocess.run(nested, capture_output=True, text=True, check=True)
    assert quiet.stderr == ""
    assert home.every() == [_overlay.Known("mine", "stack", G1, G2, True)]


def test_rebase_names_what_hides_the_base(home, root):
    place = home.create("mine")
    distribution(next(_overlay_site(place)), "alpha", "1.5")
    generation(root, G2, "2.0")
    switch(root, G2)
    assert home.rebase("mine") == (G1, G2, [("alpha", "1.5", "2.0")])
    assert home.rebase("mine") == (G2, G2, [("alpha", "1.5", "2.0")])
    links = os.listdir(root / "envs" / "stack" / "overlays")
    assert links == [f"{G2}@{os.getuid()}@mine"]


def test_rebase_refuses_another_python(home, root):
    place = home.create("mine")
    other = generation(root, G2)
    config = other / "pyvenv.cfg"
    config.write_text(re.sub(r"(version\w* = \d+)\.\d+", r"\1.5", config.read_text()))
    switch(root, G2)
    before = tree(home.home)
    with pytest.raises(BoxError, match=r"Python 3\.\d+, its base is now Python 3\.5"):
        home.rebase("mine")
    assert tree(home.home) == before
    assert os.readlink(f"{place}/base").endswith(G1)


def test_rebase_repairs_an_overlay_whose_base_is_gone(home, root):
    place = home.create("mine")
    generation(root, G2, "2.0")
    switch(root, G2)
    shutil.rmtree(root / "envs" / "stack" / G1)
    done = subprocess.run([f"{place}/bin/python", "-c", "1"], capture_output=True, text=True, check=True)
    assert done.stderr.endswith("is gone: mlbox env rebase mine\n") and len(done.stderr.splitlines()) == 1
    home.rebase("mine")
    assert python(place, "import alpha; print(alpha.version)") == "2.0"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../up", "a b", "-x", "a@b", "a\n", "x" * 65])
def test_a_bad_name_is_refused(home, name):
    before = tree(home.home)
    with pytest.raises(BoxError, match="cannot be an environment's name"):
        home.create(name)
    assert tree(home.home) == before


@given(st.text(max_size=80))
def test_a_name_that_passes_stays_in_its_folder_and_its_link_can_be_read_back(name):
    try:
        _overlay._check_name(name)
    except BoxError:
        return
    assert os.path.normpath(os.path.join("/envs", name)) == f"/envs/{name}"
    assert f"{G1}@7@{name}".split("@") == [G1, "7", name]
    assert re.fullmatch(r"[a-z0-9._-]+", name.lower())


def test_one_that_is_there_is_left_alone(home):
    home.create("mine")
    before = tree(home.home)
    for name in ("mine", "MINE"):
        with pytest.raises(BoxError, match="exists already"):
            home.create(name)
    assert tree(home.home) == before


def test_what_is_not_there_is_said_with_what_is(home):
    with pytest.raises(BoxError, match=r"no environment mine .none yet: mlbox env create mine"):
        home.path("mine")
    home.create("other")
    with pytest.raises(BoxError, match=r"no environment mine .there are: other"):
        home.remove("mine")


def test_without_a_live_generation_nothing_is_made(home, root):
    with pytest.raises(BoxError, match=r"environment nothere has no live generation .live are: stack"):
        home.create("mine", "nothere")
    os.unlink(root / "envs" / "stack" / "current")
    with pytest.raises(BoxError, match="nothing is live on this box: run the playbook site"):
        home.create("mine")
    assert not home.names()


def test_another_users_home_is_refused(home):
    stranger = _overlay.Home(home.box, home.home, os.getuid() + 1)
    with pytest.raises(BoxError, match="belongs to another user"):
        stranger.create("mine")
    assert not tree(home.home)


def test_a_home_that_cannot_be_written_is_one_line(home):
    os.chmod(home.home, 0o500)
    # Root writes everywhere, so nobody does it in root's place.
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(BoxError, match="Permission denied") as said:
            home.create("mine")
    finally:
        os.seteuid(me)
    assert "\n" not in str(said.value)


def test_a_home_in_which_nothing_can_be_made_is_one_line(home):
    pathlib.Path(home.home, ".local").write_text("")
    with pytest.raises(BoxError, match=r"\.local/share.*: Not a directory"):
        home.create("mine")


def test_a_full_disk_is_one_line(home, monkeypatch):
    def fail(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_overlay, "_write_tree", fail)
    with pytest.raises(BoxError, match="envs: No space left on device"):
        home.create("mine")


def test_a_failure_half_way_leaves_nothing(home, root, monkeypatch):
    def fail(*_arguments):
        raise OSError(28, "No space left on device", "somewhere")

    for step in ("_write_tree", "_write_programs"):
        with monkeypatch.context() as patched:
            patched.setattr(_overlay, step, fail)
            with pytest.raises(BoxError, match="somewhere: No space left on device"):
                home.create("mine")
        assert not os.listdir(home.envs)
        assert not os.path.exists(os.path.join(home.kernels, "mlbox-mine"))
        assert not os.listdir(root / "envs" / "stack" / "overlays")


def test_what_a_killed_command_left_is_cleared(home):
    os.makedirs(os.path.join(home.envs, ".new-mine", "bin"))
    assert home.names() == []
    home.create("mine")
    assert os.listdir(home.envs) == ["mine"]


def test_two_commands_at_once_do_not_mix(home):
    os.makedirs(home.envs)
    descriptor = os.open(home.envs, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(BoxError, match="another mlbox env command"):
        home.create("mine")
    os.close(descriptor)


@pytest.mark.programs
def test_pip_and_uv_install_into_it_and_leave_the_base_alone(home, root, tmp_path):
    base = generation(root, G3, "1.0", pip=True)
    switch(root, G3)
    place = home.create("mine")
    before = [name for name in tree(base) if "__pycache__" not in name]
    quiet = {**os.environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_OFFLINE": "1"}
    subprocess.run([f"{place}/bin/pip", "install", "-q", str(wheel(tmp_path, "alpha", "3.0"))], check=True, env=quiet)
    assert python(place, "import alpha; print(alpha.version)") == "3.0"
    uv = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", f"{place}/bin/python"]
    subprocess.run([*uv, str(wheel(tmp_path, "gamma", "4.0"))], check=True, env=quiet)
    assert python(place, "import gamma; print(gamma.version)") == "4.0"
    listed = subprocess.run([f"{place}/bin/pip", "list"], capture_output=True, text=True, check=True, env=quiet).stdout
    assert re.search(r"^alpha +3\.0$", listed, re.M) and re.search(r"^pip ", listed, re.M)
    subprocess.run([f"{place}/bin/pip", "uninstall", "-qy", "alpha"], check=True, env=quiet)
    assert python(place, "import alpha; print(alpha.version)") == "1.0"
    assert [name for name in tree(base) if "__pycache__" not in name] == before


def test_the_command_line_ends_in_one_line(root, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _mlbox_cli.main(["env", "create", "a/b"], str(root)) == 1
    assert _mlbox_cli.main(["env", "path", "none"], str(root)) == 1
    assert _mlbox_cli.main(["run", "--env", "none", "true"], str(root)) == 1
    assert _mlbox_cli.main(["status"], str(tmp_path)) == 1
    assert len(capsys.readouterr().err.splitlines()) == 4
    assert _mlbox_cli.main(["env", "create", "mine"], str(root)) == 0
    assert _mlbox_cli.main(["env", "list"], str(root)) == 0
    assert f"mine             stack {G1}\n" in capsys.readouterr().out
    assert _mlbox_cli.main(["generations"], str(root)) == 0
    assert re.search(rf"\* {G1}  live; under \S+'s mine", capsys.readouterr().out)


def test_activate_and_deactivate(home):
    place = home.create("mine")
    script = '. "$1"; command -v python; python -c "import alpha"; deactivate; echo "${VIRTUAL_ENV-none}"'
    command = ["sh", "-euc", script, "sh", f"{place}/bin/activate"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{place}/bin/python\nnone\n"

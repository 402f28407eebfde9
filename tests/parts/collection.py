"""The collection as its users get it: built, looked through, installed from the tarball, used by a short playbook."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import uuid
from pathlib import Path

from . import machine, report, tree

HELP = "the tarball: what is in it, and a playbook that uses it on a test host"

IMAGE = "debian12"
FOLDER = report.ROOT / "tests" / "collection"

#: What the tarball holds at its top, and of the tests.
EXPECTED = {
    *("CHANGELOG.rst", "COPYING", "FILES.json", "MANIFEST.json", "README.md"),
    *("changelogs", "docs", "meta", "playbooks", "plugins", "roles", "stacks", "tests"),
}
EXPECTED_TESTS = {"sanity"}
#: What it must hold: the stacks' locks are data that the roles read, and no plugin or role folder would name them.
NEEDED = ("stacks/2022/stack.yml", "stacks/2023/stack.yml", "plugins/modules/pip_lock.py", "roles/stack/tasks/main.yml")
JUNK = re.compile(r"(^|/)(\.git|\.venv|\.cache|__pycache__|ansible_collections)(/|$)|\.(pyc|tar\.gz|log)$")


def jobs(result, arguments, full):
    return [lambda: _run(result)]


def _run(result):
    with tempfile.TemporaryDirectory(prefix="mlinabox-collection-") as folder:
        folder = Path(folder)
        with result.row("collection build") as log:
            tarball = _build(log, folder)
            _look_through(tarball)
        if result.rows[-1].result == "passed":
            with result.row("collection use") as log:
                _use(log, tarball, folder)


def _build(log, folder):
    """The tarball (path) of what git would commit, and of what a build in the working tree would add to that."""
    galaxy = Path(sys.executable).with_name("ansible-galaxy")
    tree.copy(folder / "tree")
    # The things that lie about in a tree that is worked in: they must not come along.
    for name in (".venv/pyvenv.cfg", ".cache/x", ".ansible/x", "tests/output/x.log", "mlinabox-core-0.0.1.tar.gz"):
        (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "tree" / name).touch()
    link = Path("collections/ansible_collections/mlinabox/core")
    (folder / "tree" / link).parent.mkdir(parents=True)
    (folder / "tree" / link).symlink_to("../../..")
    log.run(galaxy, "collection", "build", "--output-path", folder, cwd=folder / "tree")
    (tarball,) = folder.glob("*.tar.gz")
    return tarball


def _look_through(tarball):
    with tarfile.open(tarball) as archive:
        names = [member.name for member in archive.getmembers()]
    top = {name.split("/")[0] for name in names}
    tests = {name.split("/")[1] for name in names if name.startswith("tests/")}
    if stray := sorted(top - EXPECTED) + sorted(f"tests/{name}" for name in tests - EXPECTED_TESTS):
        raise report.Failed(f"the tarball holds {', '.join(stray)}: see build_ignore in galaxy.yml")
    if junk := [name for name in names if JUNK.search(name)]:
        raise report.Failed(f"the tarball holds {', '.join(junk[:3])}")
    if lacking := [name for name in NEEDED if name not in names]:
        raise report.Failed(f"the tarball lacks {', '.join(lacking)}")


def _use(log, tarball, folder):
    """Installs the tarball where no other collection is, and runs the playbook from a folder that is no clone."""
    machine.need_images(log, IMAGE)
    collections = folder / "collections"
    place = folder / "use"
    shutil.copytree(FOLDER, place)
    env = {"ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_HOME": str(folder / "home")}
    bin_folder = Path(sys.executable).parent
    log.run(bin_folder / "ansible-galaxy", "collection", "install", tarball, "-p", collections, cwd=place, env=env)
    host = f"mlinabox-collection-{uuid.uuid4().hex[:8]}"
    log.run("docker", "run", "--detach", "--name", host, f"mlinabox-test:{IMAGE}", "sleep", "infinity")
    try:
        (place / "hosts").write_text(
            f"{host} ansible_connection=community.docker.docker ansible_python_interpreter=/usr/bin/python3\n"
        )
        playbook = [bin_folder / "ansible-playbook", "-i", "hosts", "playbook.yml"]
        if bundle := os.environ.get("SSL_CERT_FILE"):
            playbook += ["-e", f"network_ca_bundle={bundle}"]
        log.run(*playbook, cwd=place, env=env, timeout=600)
        log.run(*playbook, cwd=place, env=env, timeout=600)
        if "changed=0" not in log.path.read_text(encoding="utf-8").splitlines()[-2:][0]:
            raise report.Failed("the second run of the playbook changed something")
        log.run("docker", "exec", host, "/opt/mlinabox/envs/small/launch", "python", "-c", "import six")
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", host], capture_output=True, check=False)

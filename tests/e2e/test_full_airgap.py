"""A box on a host that reaches nothing but its controller, from a wheelhouse that was made where there is a network."""

import os
import shutil
import subprocess

import pytest
from conftest import ROOT, live

IMAGES = {"airgap": "debian12"}
STACK = str(ROOT / "tests" / "stacks" / "small")


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory):
    """The small stack's wheelhouse (Path), made by ./box wheelhouse."""
    folder = tmp_path_factory.mktemp("wheelhouse") / "small, cpu"
    done = make(folder)
    assert "fetched, 0 were there; all verified by hash" in done.stdout
    return folder


def make(folder, *arguments, index=None):
    env = dict(os.environ, **({"UV_DEFAULT_INDEX": index} if index else {}))
    return subprocess.run(
        [ROOT / "box", "wheelhouse", STACK, "--variant", "cpu", "--python", "3.11", "--to", folder, *arguments],
        capture_output=True,
        text=True,
        timeout=900,
        env=env,
        check=True,
    )


@pytest.fixture(scope="module")
def host(fleet):
    """A host with an interpreter, whose way out is taken away: of its routes the one to the controller stays."""
    fleet.box("site", "--tags", "python", "-e", f"stack_name={STACK}").well()
    host = fleet.hosts["airgap"]
    host.sh("ip route del default")
    assert "default" not in host.sh("ip route; ip -6 route")
    # Nor are the distribution's lists of any use.
    host.sh("find /var/lib/apt/lists -type f -delete; rm -rf /opt/mlinabox/cache")
    return host


@pytest.fixture(scope="module")
def site(fleet):
    """Makes the host a box of the small stack, from a wheelhouse (returns the Run)."""

    def run(wheelhouse, *arguments, tags="pip_stack,jupyterlab"):
        where = ("-e", f'{{"pip_stack_wheelhouse": "{wheelhouse}"}}')
        return fleet.box("site", "--tags", tags, "-e", f"stack_name={STACK}", *where, *arguments)

    return run


def test_a_second_run_asks_no_network(wheelhouse):
    done = make(wheelhouse, index="http://127.0.0.1:9/simple")
    assert " 0 fetched" in done.stdout
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=wheelhouse, check=True)


def test_box_itself_without_a_network(wheelhouse, tmp_path):
    """./box makes its .venv from the folder `controller`, in a network namespace with nothing in it."""
    for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name, follow_symlinks=False)
    alone = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    files = wheelhouse / "controller"
    own = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": files.as_uri(), "UV_OFFLINE": "1", "UV_FIND_LINKS": files.as_uri()}
    # uv's cache would do in the place of the files.
    env = dict(os.environ, UV_CACHE_DIR=str(tmp_path / "uv"), **own)
    command = [*alone, tmp_path / "box", "wheelhouse", STACK, "--check", "--python", "3.11", "--to", wheelhouse]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "making .venv" in done.stderr and "all verified by hash" in done.stdout


def test_stack_and_server_without_a_network(fleet, host, site, wheelhouse):
    recap = site(wheelhouse).well().recap["airgap"]
    assert recap["changed"] > 0
    assert live(host)
    assert host.sh("cd / && runuser -u nobody -- /opt/mlinabox/bin/tabulate --help").startswith("Usage")
    host.sh("cd / && runuser -u nobody -- /opt/mlinabox/bin/python -c 'import docopt'")
    assert host.sh("readlink /opt/mlinabox/envs/jupyterlab/current").strip()
    sent = set(host.sh("ls /opt/mlinabox/wheelhouse").split())
    files = {path.name for path in wheelhouse.iterdir() if path.is_file()} - {"SHA256SUMS", "wheelhouse.json"}
    assert sent == {*files, "brought.json"}
    assert site(wheelhouse).well().recap["airgap"]["changed"] == 0


def test_only_what_lacks_is_sent(host, site, wheelhouse):
    host.sh("cd /opt/mlinabox/wheelhouse && rm tabulate-* && : > docopt-0.6.2.tar.gz && touch of-others")
    output = site(wheelhouse).well().output
    assert "of 0 MiB sent" in output
    for name in ("tabulate-0.9.0-py3-none-any.whl", "docopt-0.6.2.tar.gz"):
        host.sh(f"test -s /opt/mlinabox/wheelhouse/{name}")
    host.sh("test -e /opt/mlinabox/wheelhouse/of-others")


def test_what_lacks_on_a_mounted_disk_is_named(host, site):
    host.sh("mkdir /srv/disk && cp /opt/mlinabox/wheelhouse/* /srv/disk && rm /srv/disk/tabulate-*")
    elsewhere = ("-e", "mlinabox_root=/srv/other", "-e", '{"pip_stack_wheelhouse_remote_src": true}')
    message = site("/srv/disk", *elsewhere, tags="pip_stack").failed_once()["msg"]
    assert "/srv/disk: lacks 1 of the" in message and "tabulate==0.9.0" in message
    host.sh("cp /opt/mlinabox/wheelhouse/docopt-* /srv/disk/tabulate-0.9.0-py3-none-any.whl")
    message = site("/srv/disk", *elsewhere, tags="pip_stack").failed_once()["msg"]
    assert "/srv/disk: tabulate-0.9.0-py3-none-any.whl: has another content" in message
    host.sh("cp /opt/mlinabox/wheelhouse/tabulate-* /srv/disk")
    site("/srv/disk", *elsewhere, tags="pip_stack").well()
    host.sh("cd / && /srv/other/bin/python -c 'import tabulate' && test ! -e /srv/other/wheelhouse")
    message = site("/srv/nowhere", *elsewhere, tags="pip_stack").failed_once()["msg"]
    assert "/srv/nowhere: no such directory on this host" in message


def test_absent_takes_back_what_was_brought_alone(fleet, host):
    fleet.box("site", "--tags", "pip_stack", "-e", f"stack_name={STACK}", "-e", "pip_stack_state=absent").well()
    assert host.sh("ls /opt/mlinabox/wheelhouse").split() == ["of-others"]

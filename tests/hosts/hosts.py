#!/usr/bin/env python3
"""Hosts to try playbooks on: containers of tests/images that are reached by SSH, as an ordinary user with sudo.

    tests/hosts/hosts.py up one=debian11 two=debian12   starts two, and prints where their inventory lies
    tests/hosts/hosts.py up --folder DIR ...            puts inventory, key and known_hosts there
    tests/hosts/hosts.py down                           removes all of them

Each has an address of its own on Docker's bridge, a user `ml` with a key made for the test and sudo without a password,
and no SSH for root. Their containers are called mlinabox-e2e-CHECKOUT-NAME: those of two checkouts live side by side,
and one that a killed run of this checkout left is replaced. With MLINABOX_TEST_CACHE=VOLUME they share a Docker volume
as uv's cache, which saves downloads and disk; without it, each host is virgin.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

IMAGES = "mlinabox-test"
CHECKOUT = hashlib.sha256(str(Path(__file__).resolve()).encode()).hexdigest()[:6]
PREFIX = f"mlinabox-e2e-{CHECKOUT}-"
LABEL = "org.mlinabox.test.hosts"
USER = "ml"

#: systemd as PID 1, with as little as it needs; the same as in molecule/shared/create.yml.
CONTAINER = (
    *("--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"),
    *("--tmpfs", "/run", "--tmpfs", "/tmp:exec,mode=1777"),
)


class HostsError(Exception):
    """What went wrong and what to do, in one line."""


def _run(command, text=None, check=True):
    try:
        done = subprocess.run([str(word) for word in command], input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise HostsError(f"{command[0]} is not installed here") from None
    if check and done.returncode:
        raise HostsError(f"{' '.join(map(str, command[:4]))} ended with {done.returncode}: {_reason(done)}")
    return done


def _reason(done):
    """The line (str) of a failed command's output that says why: docker's own ends with a hint at its help."""
    lines = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
    return next((line for line in lines if line.startswith("docker: ")), lines[-1])


@dataclass(frozen=True)
class Host:
    """A running container. `name` is its name in inventories, `address` the one on Docker's bridge."""

    name: str
    image: str
    address: str

    @property
    def container(self):
        return PREFIX + self.name

    def run(self, *command, text=None, check=True, env=None):
        """Runs a command as root in the container, past SSH (CompletedProcess); HostsError when it fails."""
        variables = [f"--env={name}={value}" for name, value in (env or {}).items()]
        return _run(["docker", "exec", "--interactive", *variables, self.container, *command], text, check)

    def sh(self, script, **keywords):
        """Standard output (str) of a shell script run as root in the container."""
        return self.run("sh", "-euc", script, **keywords).stdout

    def remove(self):
        _run(["docker", "rm", "--force", "--volumes", self.container])


def start(name, image, options=()):
    """Starts a host and waits until it has booted. `options` are further ones of `docker run`. Returns the Host.

    One that a killed run left under that name goes first.
    """
    cache = os.environ.get("MLINABOX_TEST_CACHE", "")
    shared = ("--volume", f"{cache}:/opt/mlinabox/cache") if cache else ()
    names = ("--name", PREFIX + name, "--hostname", name, "--label", f"{LABEL}=1")
    _run(["docker", "rm", "--force", "--volumes", PREFIX + name], check=False)
    _run(["docker", "run", "--detach", *names, *CONTAINER, *shared, *options, f"{IMAGES}:{image}"])
    try:
        return Host(name, image, _booted(PREFIX + name))
    except BaseException:
        _run(["docker", "rm", "--force", "--volumes", PREFIX + name])
        raise


def _booted(container):
    """Waits until a container has booted; returns its address (str)."""
    # In the first moments PID 1 does not answer yet. systemd-tmpfiles empties /tmp while it boots.
    deadline = time.monotonic() + 90
    waiting = ["docker", "exec", container, "systemctl", "is-system-running", "--wait"]
    while (state := _run(waiting, check=False).stdout.strip()) != "running":
        if time.monotonic() > deadline or state == "degraded":
            raise HostsError(f"{container} has not booted: {state or 'systemd does not answer'}")
        time.sleep(0.3)
    shown = _run(["docker", "inspect", "--format", "{{json .NetworkSettings.Networks}}", container]).stdout
    return next(iter(json.loads(shown).values()))["IPAddress"]


def add_user(host, public_key):
    """Gives a host the user `ml`: `public_key` lets them in, and sudo asks for no password."""
    host.sh(
        f"""
        useradd --create-home --shell /bin/bash {USER}
        install -d -m 0700 -o {USER} -g {USER} /home/{USER}/.ssh
        cat >/home/{USER}/.ssh/authorized_keys
        chown {USER}: /home/{USER}/.ssh/authorized_keys
        echo '{USER} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/{USER}
        chmod 0440 /etc/sudoers.d/{USER}
        """,
        text=public_key,
    )


def network_variables():
    """Variables (dict) that let hosts download as this machine does: its certificates, proxies and index.

    A proxy on this machine's loopback is not handed on: a host could not reach it.
    """
    wanted = {
        "network_ca_bundle": os.environ.get("MLINABOX_TEST_CA") or os.environ.get("SSL_CERT_FILE", ""),
        "network_http_proxy": os.environ.get("http_proxy") or os.environ.get("HTTP_PROXY", ""),
        "network_https_proxy": os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY", ""),
        "network_no_proxy": os.environ.get("no_proxy") or os.environ.get("NO_PROXY", ""),
        "network_index_url": os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL", ""),
    }
    unreachable = ("//localhost", "//127.", "//[::1]")
    return {name: value for name, value in wanted.items() if value and not any(part in value for part in unreachable)}


def write_inventory(folder, hosts, key, own=None):
    """Writes known_hosts and inventory.json (YAML's subset) for `hosts` to `folder`. Returns the inventory's path.

    `own` are a host's own variables (dict name -> dict).
    """
    known = folder / "known_hosts"
    lines = [f"{host.address} {host.sh('cat /etc/ssh/ssh_host_ed25519_key.pub')}" for host in hosts]
    known.write_text("".join(lines))
    variables = {
        "ansible_user": USER,
        "ansible_ssh_private_key_file": str(key),
        # A test must neither read nor change who its user knows, nor offer keys of an agent of theirs.
        "ansible_ssh_common_args": (
            f"-F none -o IdentitiesOnly=yes -o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes"
        ),
        "ansible_python_interpreter": "/usr/bin/python3",
        **network_variables(),
    }
    members = {host.name: {"ansible_host": host.address, **(own or {}).get(host.name, {})} for host in hosts}
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"vars": variables, "hosts": members}}, indent=2) + "\n")
    return inventory


def up(folder, images, own=None, options=()):
    """Starts SSH hosts: `images` is a dict name -> image, `own` a dict name -> variables of that host.

    `options` are further ones of `docker run`, for all of them.

    Returns (list of Host, path of the inventory).
    """
    if not shutil.which("ssh-keygen") or not shutil.which("ssh"):
        raise HostsError("ssh is not installed here: apt-get install openssh-client")
    key = folder / "key"
    if not key.exists():
        _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "mlinabox test", "-f", key])
    hosts = []
    try:
        for name, image in images.items():
            hosts.append(start(name, image, options))
            add_user(hosts[-1], (folder / "key.pub").read_text())
        return hosts, write_inventory(folder, hosts, key, own)
    except BaseException:
        for host in hosts:
            host.remove()
        raise


def down():
    """Removes all hosts of this tool, whoever started them. Returns how many (int)."""
    found = _run(["docker", "ps", "--all", "--quiet", "--filter", f"label={LABEL}"]).stdout.split()
    if found:
        _run(["docker", "rm", "--force", "--volumes", *found])
    return len(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = parser.add_subparsers(dest="word", required=True)
    starting = words.add_parser("up", help="start hosts")
    starting.add_argument("hosts", nargs="+", metavar="NAME=IMAGE", help="such as one=debian11")
    starting.add_argument("--folder", type=Path, help="where inventory, key and known_hosts go (default: a new one)")
    words.add_parser("down", help="remove all hosts")
    given = parser.parse_args()
    if given.word == "down":
        print(f"{down()} removed")
        return
    folder = given.folder or Path(tempfile.mkdtemp(prefix="mlinabox-hosts-"))
    folder.mkdir(parents=True, exist_ok=True)
    images = dict(word.partition("=")[::2] for word in given.hosts)
    print(up(folder.resolve(), images)[1])


if __name__ == "__main__":
    try:
        main()
    except HostsError as problem:
        sys.exit(f"hosts: {problem}")

"""A fresh machine, nobody's fleet: a checkout is put on it, and root types ./box site."""

import json
import os
import subprocess
from pathlib import Path

import hosts as ssh_hosts
import pytest
from conftest import ROOT, Run

CHECKOUT = "/root/mlinabox"
CA = "/root/network-ca.pem"


@pytest.fixture(scope="module")
def host():
    """A Debian 12 that nothing was done to but a checkout, and the certificates of a network that has its own."""
    host = ssh_hosts.start("bare", "debian12")
    try:
        # What git would commit: no .venv, no caches.
        listed = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = [
            name for name in subprocess.check_output(listed, text=True).split("\0") if os.path.lexists(ROOT / name)
        ]
        host.run("mkdir", CHECKOUT)
        with subprocess.Popen(
            ["tar", "-C", str(ROOT), "--null", "--no-recursion", "--files-from=-", "-c"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as pack:
            into = ["docker", "exec", "-i", host.container, "tar", "-C", CHECKOUT, "--no-same-owner", "-x"]
            with subprocess.Popen(into, stdin=pack.stdout) as unpack:
                pack.stdin.write("\0".join(names).encode())
                pack.stdin.close()
            assert unpack.returncode == 0
        assert pack.returncode == 0
        bundle = ssh_hosts.network_variables().get("network_ca_bundle")
        if bundle:
            host.run("sh", "-c", f"cat >{CA}", text=Path(bundle).read_text())
        yield host
    finally:
        if not os.environ.get("MLINABOX_TEST_KEEP"):
            host.remove()


@pytest.fixture(scope="module")
def box(host):
    """Types ./box WORD on the machine, in the place of who sits before it (Run)."""
    variables = ssh_hosts.network_variables()
    env = {"ANSIBLE_NOCOLOR": "1"}
    names = {"network_http_proxy": "http_proxy", "network_https_proxy": "https_proxy", "network_no_proxy": "no_proxy"}
    names["network_index_url"] = "UV_DEFAULT_INDEX"
    env.update({name: variables[variable] for variable, name in names.items() if variable in variables})
    if "network_ca_bundle" in variables:
        env["SSL_CERT_FILE"] = variables["network_ca_bundle"] = CA

    def run(word, *arguments):
        command = ["sh", "-c", f'cd {CHECKOUT} && exec ./box "$@" 2>&1', "box", word]
        done = host.run(*command, "-e", json.dumps(variables), *arguments, env=env, check=False)
        print(f"# ./box {word}\n{done.stdout}")
        return Run(done.returncode, done.stdout)

    return run


@pytest.fixture(scope="module")
def made(box):
    return box("site").well()


def test_site_makes_it_a_box_and_verify_proves_it(made, box):
    output = box("verify").well().output
    assert "Stack 2023" in output
    # Its notebook server answers, and a cell of its ran in the live generation: the role's own proof says so.
    assert "JupyterLab of mlbox on 127.0.0.1:8888" in output


def test_again_it_changes_nothing(made, box):
    assert box("site").well().recap["localhost"]["changed"] == 0


def test_the_notebook_asks_for_its_token(made, host):
    ask = """
import urllib.request, urllib.error, sys
request = urllib.request.Request("http://127.0.0.1:8888/api/status")
token = open("/etc/mlinabox/jupyterlab/mlbox/token").read().strip()
try:
    print(urllib.request.urlopen(request).status)
except urllib.error.HTTPError as problem:
    print(problem.code)
request.add_header("Authorization", "token " + token)
print(urllib.request.urlopen(request).status)
"""
    assert host.run("python3", "-c", ask).stdout.split() == ["403", "200"]
    listening = host.sh("ss --no-header --listening --tcp --numeric")
    assert [line.split()[3] for line in listening.splitlines() if ":8888" in line] == ["127.0.0.1:8888"]

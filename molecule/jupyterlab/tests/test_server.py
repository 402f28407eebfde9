"""What a person and a stranger find: the token kept, strangers' notebooks disarmed, overlays as kernels."""

import json
import pathlib

import pytest

ASK = """
import sys, urllib.request
user, port, path = sys.argv[1:]
token = open(f"/etc/mlinabox/jupyterlab/{user}/token").read()
request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"token {token}"})
print(urllib.request.urlopen(request, timeout=60).read().decode())
"""
EVIL = '<img src=x onerror="alert(1)"><script>alert(2)</script><b>harmless</b>'


def ask(host, path, user="mlbox", port=8888):
    return host.check_output(f"python3 -c {_quote(ASK)} {user} {port} {_quote(path)}")


def _quote(text):
    return "'" + text.replace("'", "'\"'\"'") + "'"


@pytest.mark.parametrize("user", ["mlbox", "second"])
def test_the_token_is_the_persons_alone(host, user):
    path = f"/etc/mlinabox/jupyterlab/{user}/token"
    token = host.check_output(f"cat {path}")
    assert len(token) == 64
    assert host.run(f"runuser -u nobody -- cat {path}").rc != 0
    assert token not in host.check_output("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert token not in host.check_output("journalctl --no-pager")
    assert host.run(f"grep -rq {token} /etc/systemd /var/lib/mlinabox /opt/mlinabox/bin").rc == 1


def test_tokens_differ(host):
    first, second = (host.check_output(f"cat /etc/mlinabox/jupyterlab/{user}/token") for user in ("mlbox", "second"))
    assert first != second


def test_each_serves_its_own_directory(host):
    host.check_output("runuser -u second -- touch /srv/notebooks/mark")
    assert [one["name"] for one in json.loads(ask(host, "/api/contents", "second", 8889))["content"]] == ["mark"]


def test_a_strangers_notebook_runs_no_script_in_the_servers_origin(host):
    output = {"output_type": "display_data", "data": {"text/html": [EVIL]}, "metadata": {}}
    cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [output], "source": []}
    notebook = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    host.check_output(f"printf %s {_quote(notebook)} > /home/mlbox/evil.ipynb")
    page = ask(host, "/nbconvert/html/evil.ipynb?download=false")
    host.check_output("rm /home/mlbox/evil.ipynb")
    assert "<b>harmless</b>" in page
    assert "<script>alert(2)" not in page and "<img src=x" not in page


def test_a_persons_environment_is_a_kernel_of_theirs_alone(host):
    host.check_output("runuser -u mlbox -- env HOME=/home/mlbox mlbox env create mine")
    try:
        assert "mlbox-mine" in json.loads(ask(host, "/api/kernelspecs"))["kernelspecs"]
        assert "mlbox-mine" not in json.loads(ask(host, "/api/kernelspecs", "second", 8889))["kernelspecs"]
    finally:
        host.check_output("runuser -u mlbox -- env HOME=/home/mlbox mlbox env remove mine")


def test_a_second_server_says_in_one_line_who_has_the_port(host):
    done = host.run("mlbox jupyterlab --user mlbox")
    assert done.rc == 78
    assert len(done.stderr.splitlines()) == 1 and "port 8888 of 127.0.0.1 cannot be had" in done.stderr


def test_a_server_that_dies_comes_back(host):
    before = host.check_output("systemctl show --property=MainPID --value mlinabox-jupyterlab@second")
    host.check_output("systemctl kill --signal=KILL mlinabox-jupyterlab@second")
    now = "$(systemctl show --property=MainPID --value mlinabox-jupyterlab@second)"
    host.check_output(
        "for _ in $(seq 60); do sleep 1; systemctl is-active -q mlinabox-jupyterlab@second && "
        f'[ "{now}" != {before} ] && exit 0; done; exit 1'
    )


def test_a_cell_writes_to_its_persons_places_only(host):
    host.check_output("install -d -m 1777 /srv/open")
    code = """
import os
for path in ("/srv/open/mark", os.path.expanduser("~/mark"), "/tmp/mark", "/opt/mlinabox/envs/stack/overlays/mark"):
    try:
        os.close(os.open(path, os.O_CREAT))
        os.unlink(path)
        print("wrote", path)
    except OSError as error:
        print(error.strerror, path)
"""
    probe = (pathlib.Path(__file__).parents[3] / "roles" / "jupyterlab" / "files" / "probe.py").read_text()
    command = f"/opt/mlinabox/envs/jupyterlab/launch python -I -c {_quote(probe)} 8888"
    answer = host.check_output(
        f"env PROBE_CODE={_quote(code)} {command} /etc/mlinabox/jupyterlab/mlbox/token mlinabox-2023"
    )
    assert json.loads(answer)["printed"].splitlines() == [
        "Read-only file system /srv/open/mark",
        "wrote /home/mlbox/mark",
        "wrote /tmp/mark",
        "wrote /opt/mlinabox/envs/stack/overlays/mark",
    ]

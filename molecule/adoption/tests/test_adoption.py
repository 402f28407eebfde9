"""What was in the way is aside, whole, and what was not is where it was."""

import json

ASIDE = "/var/lib/mlinabox/aside"


def test_python3_is_the_releases_again(host):
    assert host.check_output("readlink /usr/bin/python3") == "python3.9"


def test_nothing_comes_from_usr_local(host):
    assert host.run("python3 -c 'import tabulate'").rc != 0
    assert host.check_output("find /usr/local/bin ! -type d -printf '%f\\n'") == "of-a-person"
    assert not host.file("/usr/local/cuda").exists
    assert not host.file("/usr/local/cuda-11.7").exists


def test_roots_shell_has_lost_the_scripts_lines_and_no_other(host):
    text = host.file("/root/.bashrc").content_string
    assert "cuda" not in text
    assert "bashrc" in text


def test_apt_still_works(host):
    assert host.run("apt-get check").rc == 0
    assert host.check_output("ls /etc/apt/sources.list.d | grep -c deadsnakes || true") == "0"


def test_it_is_aside_with_a_manifest_that_root_alone_reads(host):
    folder = host.check_output(f"echo {ASIDE}/*")
    assert host.file(folder).mode == 0o700
    steps = json.loads(host.file(f"{folder}/manifest.json").content_string)["steps"]
    for step in steps:
        assert host.run(f"test -e {folder}/files{step['path']} -o -L {folder}/files{step['path']}").rc == 0
    assert host.file(f"{folder}/files/usr/local/cuda-11.7/version.json").content_string == "{}"
    assert host.file(f"{folder}/files/root/.jupyter/jupyter_notebook_config.py").mode == 0o600

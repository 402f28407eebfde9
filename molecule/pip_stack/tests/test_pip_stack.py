"""The stack's environment, from outside."""

ENVIRONMENT = "/opt/mlinabox/envs/stack"


def test_an_ordinary_user_runs_the_stacks_python_without_a_profile(host):
    command = "cd / && runuser -u nobody -- python -c 'import docopt, sys; print(sys.prefix)'"
    live = host.check_output(f"readlink -f {ENVIRONMENT}/current")
    assert host.check_output(command) == live


def test_python3_stays_the_distributions(host):
    assert host.check_output("bash -lc 'command -v python3'") == "/usr/bin/python3"
    assert host.check_output("bash -lc 'command -v python'") == "/opt/mlinabox/bin/python"


def test_commands_of_the_stack(host):
    table = host.check_output("printf 'a b\\n1 2\\n' | /opt/mlinabox/bin/tabulate -1")
    assert table.splitlines()[0].split() == ["a", "b"]


def test_pip_says_what_to_do_instead(host):
    refused = host.run("/opt/mlinabox/bin/pip install six")
    assert refused.rc == 1
    assert "mlbox env create" in refused.stderr
    assert host.run("/opt/mlinabox/bin/pip list").rc == 0


def test_the_environment_is_roots(host):
    assert host.check_output(f"find {ENVIRONMENT}/ -not -user root -print -quit") == ""
    writable = host.check_output(f"find {ENVIRONMENT}/ -perm -o+w -not -type l -print")
    assert writable == f"{ENVIRONMENT}/overlays"


def test_what_was_built_from_source_is_there(host):
    assert host.file(f"{ENVIRONMENT}/current/.mlinabox/build.txt").contains("setuptools==80.9.0")


def test_an_environment_of_ones_own_stands_beside_the_stack(host):
    assert host.check_output("/opt/mlinabox/bin/humanfriendly --format-number 1234") == "1,234"
    assert host.check_output("readlink -f /opt/mlinabox/envs/mine/current").startswith("/opt/mlinabox/envs/mine/2")

"""What cannot work is refused in one line that names cause and cure, and the host stays as it was."""

import pytest
import small_stack
from conftest import changes, files

IMAGES = {"refusals": "debian12"}
PYTHON = "3.11"


@pytest.fixture(scope="module")
def host(fleet):
    return fleet.hosts["refusals"]


@pytest.fixture(scope="module")
def site(fleet):
    """Makes the host a box of a stack, as far as the stack goes."""

    def run(stack, *arguments):
        return fleet.box("site", "--tags", "pip_stack", "-e", f"stack_name={stack}", *arguments)

    return run


@pytest.fixture(scope="module")
def live(site, host, tmp_path_factory):
    """A box of a small stack, and the list of what its environments consist of."""
    site(small_stack.make(tmp_path_factory.mktemp("stacks") / "small", PYTHON)).well()
    return environments(host)


def environments(host):
    """What users of the box have in hand (list of str): environments and commands, without the lock of the runs."""
    lines = [line for line in files(host) if line.startswith(("/opt/mlinabox/envs", "/opt/mlinabox/bin"))]
    return [line for line in lines if "/run.lock " not in line]


def test_plan_changes_nothing_on_a_virgin_host(fleet, host):
    before = files(host)
    fleet.box("plan").well()
    assert changes(before, files(host)) == []


def test_an_unknown_stack(site, host):
    before = files(host)
    message = site("2202").failed_once()["msg"]
    assert "'2202'" in message and "There are: 2022, 2023" in message
    assert changes(before, files(host)) == []


def test_a_release_that_no_stack_is_for(fleet, host):
    before = files(host)
    message = fleet.box("site", "-e", '{"stack_search_path": ["/nowhere"]}').failed_once()["msg"]
    assert "/nowhere" in message and "stack_search_path" in message
    assert changes(before, files(host)) == []


def test_a_wrong_hash(site, host, live, tmp_path):
    wrong = small_stack.make(tmp_path / "wrong", PYTHON, version="1.17.0", hash_of="1.16.0")
    message = site(wrong).failed_once()["msg"]
    assert "six" in message and "hash" in message
    assert changes(live, environments(host)) == []


def test_a_failing_check(site, host, live, tmp_path):
    broken = small_stack.make(tmp_path / "broken", PYTHON, version="1.17.0", smoke="raise RuntimeError('it is broken')")
    message = site(broken).failed_once()["msg"]
    assert "six" in message and "it is broken" in message
    assert changes(live, environments(host)) == []


def test_too_little_disk(site, host, live, tmp_path):
    large = small_stack.make(tmp_path / "large", PYTHON, version="1.17.0", space=100_000_000)
    message = site(large).failed_once()["msg"]
    assert "/opt/mlinabox" in message and "iB" in message
    assert changes(live, environments(host)) == []


def test_no_network(site, host, live, tmp_path):
    # A version that no test before this one has brought into the cache, which needs no network.
    other = small_stack.make(tmp_path / "other", PYTHON, version="1.15.0")
    # SSH comes from the same network and needs no route.
    route = host.sh("ip route show default").split("\n")[0].split()
    host.run("ip", "route", "del", "default")
    try:
        message = site(other).failed_once()["msg"]
    finally:
        host.run("ip", "route", "add", *route)
    assert "six" in message
    assert "network" in message.lower() or "reached" in message.lower() or "proxy" in message.lower()
    assert changes(live, environments(host)) == []


def test_what_is_live_needs_no_network(site, host, live, fleet, tmp_path):
    again = small_stack.make(tmp_path / "small", PYTHON)
    route = host.sh("ip route show default").split("\n")[0].split()
    host.run("ip", "route", "del", "default")
    try:
        assert site(again).well().recap["refusals"]["changed"] == 0
    finally:
        host.run("ip", "route", "add", *route)

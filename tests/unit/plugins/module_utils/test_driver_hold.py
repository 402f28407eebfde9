"""Holding the driver's packages: what is done, what is recorded, and that just that is taken back."""

from __future__ import annotations

import re

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _driver_hold as hold
from hypothesis import given, settings
from hypothesis import strategies as st


def status(*rows, native="amd64"):
    """rows: (name, version, selection, state, architecture), the last two as usual where they are left out."""
    text = f"Package: dpkg\nStatus: install ok installed\nArchitecture: {native}\nVersion: 1.22\n\n"
    for row in rows:
        name, version, selection, state, architecture = (*row, *("installed", "amd64")[len(row) - 3 :])
        text += f"Package: {name}\nStatus: {selection} ok {state}\nPriority: optional\n"
        text += f"Architecture: {architecture}\nVersion: {version}\nDescription: of nvidia\n more\n\n"
    return text


UBUNTU = status(
    ("nvidia-driver-535", "535.309.01-0ubuntu1", "install"),
    ("libnvidia-compute-535", "535.309.01-0ubuntu1", "hold"),
    ("libnvidia-compute-535", "535.309.01-0ubuntu1", "install", "installed", "i386"),
    ("nvidia-dkms-535", "535.309.01-0ubuntu1", "deinstall", "config-files"),
    ("libnvidia-container1", "1.20.1-1", "install"),
    ("cuda-toolkit-12-1", "12.1.1-1", "install"),
    ("python3", "3.11", "install"),
)
PACKAGES = {
    "libnvidia-compute-535": ("535.309.01-0ubuntu1", True),
    "libnvidia-compute-535:i386": ("535.309.01-0ubuntu1", False),
    "nvidia-driver-535": ("535.309.01-0ubuntu1", False),
}


def test_the_drivers_packages_and_no_others():
    assert hold.driver_packages(UBUNTU) == PACKAGES
    assert hold.driver_packages("") == {}


def test_what_was_on_hold_before_is_not_recorded():
    plan = hold.plan(PACKAGES, None, "", True)
    assert plan["hold"] == ["libnvidia-compute-535:i386", "nvidia-driver-535"]
    assert hold.read_record(plan["record"]) == {"held": plan["hold"]}
    assert plan["lines"] == [
        "would hold libnvidia-compute-535:i386=535.309.01-0ubuntu1",
        "would hold nvidia-driver-535=535.309.01-0ubuntu1",
        "would write /etc/apt/apt.conf.d/90mlinabox-nvidia-driver",
        "would write /var/lib/mlinabox/nvidia_check.json",
    ]


def test_the_file_for_unattended_upgrades():
    assert hold.conf_text({"nvidia-driver-535": (), "libnvidia-x1.2++:i386": ()}) == (
        "// Written by mlinabox.core.nvidia_check; the next run replaces it.\n"
        "Unattended-Upgrade::Package-Blacklist {\n"
        '    "^nvidia-driver-535$";\n'
        '    "^libnvidia-x1\\.2\\+\\+:i386$";\n'
        "};\n"
    )


def carried_out(packages, record, conf, plan):
    """Return (packages, record, conf) after a plan."""
    packages = {
        name: (version, (held or name in plan["hold"]) and name not in plan["release"])
        for name, (version, held) in packages.items()
    }
    return packages, hold.read_record(plan["record"]), plan["conf"]


names = st.sampled_from(["nvidia-driver-535", "libnvidia-gl-535:i386", "nvidia-utils-535", "cuda-drivers", "libcuda1"])
hosts = st.dictionaries(names, st.tuples(st.sampled_from(["1", "2"]), st.booleans()))
records = st.one_of(st.none(), st.lists(names, unique=True).map(lambda held: {"held": sorted(held)}))
confs = st.one_of(st.just(""), hosts.map(hold.conf_text))


@settings(max_examples=60, deadline=None)
@given(hosts, records, confs, st.booleans())
def test_a_second_plan_does_nothing(packages, record, conf, wanted):
    after = carried_out(packages, record, conf, hold.plan(packages, record, conf, wanted))
    assert not hold.plan(*after, wanted)["changed"]


@settings(max_examples=60, deadline=None)
@given(hosts)
def test_there_and_back_is_as_before(packages):
    there = carried_out(packages, None, "", hold.plan(packages, None, "", True))
    assert all(held for _version, held in there[0].values())
    back = carried_out(*there, hold.plan(*there, False))
    assert back == (packages, None, "")


@settings(max_examples=60, deadline=None)
@given(hosts, records, confs)
def test_back_releases_nothing_that_is_not_recorded(packages, record, conf):
    plan = hold.plan(packages, record, conf, False)
    assert set(plan["release"]) <= set((record or {"held": []})["held"])
    assert plan["hold"] == []


@settings(max_examples=60, deadline=None)
@given(hosts, records, confs)
def test_all_are_excluded_from_unattended_upgrades(packages, record, conf):
    patterns = re.findall(r'"(.*)";', hold.plan(packages, record, conf, True)["conf"])
    for name in packages:
        assert any(re.match(pattern, name) for pattern in patterns)
    assert not any(re.match(pattern, "nvidia-driver-5350") for pattern in patterns)


def test_a_new_driver_takes_the_old_ones_place():
    _packages, record, conf = carried_out(PACKAGES, None, "", hold.plan(PACKAGES, None, "", True))
    new = {"nvidia-driver-570": ("570.1", False)}
    plan = hold.plan(new, record, conf, True)
    assert (plan["hold"], hold.read_record(plan["record"])) == (["nvidia-driver-570"], {"held": ["nvidia-driver-570"]})
    assert "535" not in plan["conf"]


def test_a_host_without_a_driver_is_left_alone():
    assert hold.plan({}, None, "", True)["changed"] is False
    assert hold.plan({}, None, "", False)["changed"] is False


def test_a_driver_that_was_removed_leaves_nothing():
    plan = hold.plan({}, {"held": ["nvidia-driver-535"]}, "something", True)
    assert (plan["release"], plan["record"], plan["conf"], plan["changed"]) == ([], "", "", True)


@pytest.mark.parametrize("text", ["{", "[]", '{"held": "all"}', '{"held": [1]}', "{}"])
def test_a_damaged_record_is_one_line(text):
    with pytest.raises(ValueError, match=r"/var/lib/mlinabox/nvidia_check\.json is damaged \(.*\); remove it") as error:
        hold.read_record(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "noted"),
    [
        ("linux-modules-nvidia-535-generic", True),
        ("linux-modules-nvidia-535-server-generic-hwe-22.04", True),
        ("linux-modules-nvidia-535-5.15.0-91-generic", False),
        ("linux-objects-nvidia-535-5.15.0-91-generic", False),
        ("nvidia-dkms-535", False),
    ],
)
def test_modules_for_each_kernel_are_noted(name, noted):
    assert bool(hold.notes({name: ("1", False)})) is noted

"""A driver that is held stays where it is, whatever newer ones an archive has."""

from __future__ import annotations

import json
import re

HELD = {"libcuda1", "libnvidia-ml1", "nvidia-driver", "nvidia-kernel-dkms", "nvidia-smi"}
CONF = "/etc/apt/apt.conf.d/90mlinabox-nvidia-driver"


def test_all_of_the_driver_is_on_hold_and_nothing_else(host):
    assert set(host.check_output("apt-mark showhold").split()) == HELD


def test_what_was_on_hold_before_is_not_called_ours(host):
    record = json.loads(host.file("/var/lib/mlinabox/nvidia_check.json").content_string)
    assert record == {"held": sorted(HELD - {"nvidia-smi"})}


def test_apt_reads_the_file_for_unattended_upgrades(host):
    dump = host.check_output("apt-config dump Unattended-Upgrade::Package-Blacklist")
    patterns = re.findall(r'^Unattended-Upgrade::Package-Blacklist:: "(.*)";$', dump, re.MULTILINE)
    assert {pattern.strip("^$") for pattern in patterns} == HELD
    file = host.file(CONF)
    assert (file.user, file.mode) == ("root", 0o644)


def test_apt_leaves_the_driver_where_it_is(host):
    options = "-o Dir::Etc::SourceList=/srv/packages/sources.list -o Dir::Etc::SourceParts=/dev/null"
    options += " -o Dir::State::Lists=/run/mlinabox-test/lists"
    host.check_output("mkdir -p /run/mlinabox-test/lists/partial")
    host.check_output(f"apt-get {options} update")
    simulated = host.check_output(f"LC_ALL=C apt-get {options} --simulate dist-upgrade")
    # What is not the driver shows that there was something to upgrade.
    assert re.findall(r"^Inst (\S+)", simulated, re.MULTILINE) == ["libnvidia-container1"]
    kept = re.search(r"have been kept back:\n((?: .*\n)+)", simulated)
    assert set(kept[1].split()) == HELD


def test_a_simulation_of_a_forced_upgrade_says_that_it_is_held(host):
    options = "-o Dir::Etc::SourceList=/srv/packages/sources.list -o Dir::Etc::SourceParts=/dev/null"
    options += " -o Dir::State::Lists=/run/mlinabox-test/lists"
    result = host.run(f"LC_ALL=C apt-get {options} --simulate --yes install nvidia-driver=535.309.01-1")
    assert result.rc != 0
    assert "held" in result.stdout + result.stderr

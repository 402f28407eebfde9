"""What a person finds on a host with a toolkit, whichever it is: it works, it stays, and no driver can come with it."""

from __future__ import annotations

import json
import re

import pytest

PROGRAM = "__global__ void nothing() {}\\nint main() { nothing<<<1, 1>>>(); return 0; }"


@pytest.fixture(scope="module")
def record(host):
    return json.loads(host.file("/var/lib/mlinabox/apt/cuda.json").content_string)


@pytest.fixture(scope="module")
def nvidias(record):
    return record["sources"] == ["nvidia-cuda"]


def test_a_person_who_logs_in_compiles(host):
    place = host.check_output("runuser -u nobody -- mktemp -d")
    build = "runuser -u nobody -- bash -lc 'nvcc -o p p.cu && ./p'"
    said = host.run(f"""cd {place} && printf '{PROGRAM}' >p.cu && {build}""")
    assert said.rc == 0, said.stderr
    host.check_output(f"rm -r {place}")


def test_what_was_chosen_is_held_at_its_version(host, record):
    held = set(host.check_output("apt-mark showhold").split())
    versions = {spec.split("=")[0]: spec.split("=")[1] for spec in record["requested"] if "=" in spec}
    assert versions and set(versions) == held == set(record["held"])
    for name, version in versions.items():
        assert host.package(name).version == version
    host.check_output("apt-get -qq update")
    planned = host.check_output("apt-get --simulate dist-upgrade")
    assert [line for line in planned.splitlines() if line.startswith("Inst") and line.split()[1] in versions] == []


def test_no_driver_can_come_from_there(host, nvidias):
    names = ["cuda-drivers", "nvidia-driver"] if nvidias else ["nvidia-driver", "nvidia-kernel-dkms"]
    for name in names:
        assert host.run(f"apt-get --simulate install {name}").rc != 0, name
    installed = host.check_output("dpkg --list")
    assert not re.search(r"^.i +(nvidia-driver|nvidia-kernel|cuda-drivers)", installed, re.MULTILINE)


def test_the_key_is_trusted_for_that_archive_alone(host, nvidias):
    if not nvidias:
        pytest.skip("the distribution's own archive, with the distribution's own keys")
    source = host.file("/etc/apt/sources.list.d/mlinabox-nvidia-cuda.sources").content_string
    assert "Signed-By: /etc/apt/keyrings/mlinabox-nvidia-cuda.asc" in source
    assert host.check_output("ls /etc/apt/sources.list.d") == "mlinabox-nvidia-cuda.sources"
    assert "cuda" not in host.check_output("ls /etc/apt/trusted.gpg.d; test ! -e /etc/apt/trusted.gpg || echo cuda")
    assert host.check_output("ls /etc/apt/preferences.d").split() == [
        "mlinabox-cuda.pref", "mlinabox-nvidia-cuda.pref", "of-a-person",
    ]  # fmt: skip


def test_libraries_are_found_without_a_path_in_the_environment(host):
    assert "libcudart.so" in host.check_output("ldconfig -p")
    assert host.run("grep -r LD_LIBRARY_PATH= /etc/environment /etc/profile.d").rc != 0


def test_usr_local_cuda_is_the_packages_own_alternative(host, nvidias):
    if not nvidias:
        assert not host.file("/usr/local/cuda").exists
        return
    assert host.check_output("readlink /usr/local/cuda") == "/etc/alternatives/cuda"
    assert "Status: auto" in host.check_output("update-alternatives --query cuda")
    assert host.check_output("find /etc/ld.so.conf.d -name 'mlinabox*'") == ""

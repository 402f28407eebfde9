"""The driver's packages, where they are from, and what upgrades them, out of a host's files."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_packages
from ansible_collections.mlinabox.core.plugins.module_utils._apt_conf import AptConf, read_apt_conf
from ansible_collections.mlinabox.core.plugins.module_utils._gpu_upgrades import unattended_upgrades
from ansible_collections.mlinabox.core.plugins.module_utils._gpu_versions import branch, driver_version, version_key


def stanza(name, version, status="install ok installed", maintainer=""):
    who = f"Maintainer: {maintainer}\n" if maintainer else ""
    return f"Package: {name}\nStatus: {status}\n{who}Version: {version}\nDescription: of {name}\n more of it\n"


def host(tmp_path, stanzas=(), files=()):
    written = dict(files)
    if stanzas:
        written["var/lib/dpkg/status"] = "\n".join(stanzas)
    for name, text in written.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return str(tmp_path)


def test_a_host_without_packages(tmp_path):
    found = _gpu_packages.look(str(tmp_path))
    assert (found["known"], found["packages"], found["runfile"], found["fabricmanager"]) == (False, [], False, "")


def test_the_packages_of_a_driver(tmp_path):
    root = host(
        tmp_path,
        [
            stanza("libc6", "2.35-0ubuntu3"),
            stanza("nvidia-driver-535", "535.104.05-0ubuntu0.22.04.4"),
            stanza("libnvidia-compute-535", "535.104.05-0ubuntu0.22.04.4", "hold ok installed"),
            stanza("nvidia-dkms-535", "535.129.03-0ubuntu1", "install ok half-configured"),
            stanza("linux-modules-nvidia-535-5.15.0-91-generic", "5.15.0-91.101"),
            stanza("nvidia-firmware-535-535.54.03", "535.54.03-0ubuntu1"),
            stanza("nvidia-fabricmanager-535", "535.104.05-0ubuntu0.22.04.4"),
            stanza("cuda-drivers", "535.104.05-1"),
            # None of the driver's:
            stanza("nvidia-container-toolkit", "1.17.8-1"),
            stanza("libnvidia-container1", "1.17.8-1"),
            stanza("libnvidia-egl-wayland1", "1:1.1.9-1.1"),
            stanza("nvidia-cuda-toolkit", "11.5.1-1ubuntu1"),
            stanza("nvidia-settings", "510.47.03-0ubuntu1"),
            # Gone, but for their settings:
            stanza("nvidia-driver-470", "470.223.02-0ubuntu0.22.04.1", "deinstall ok config-files"),
            stanza("nvidia-utils-470", "470.223.02", "deinstall ok not-installed"),
        ],
    )
    found = _gpu_packages.look(root)
    assert [(one["name"], one["held"], one["state"], one["origin"], one["driver"]) for one in found["packages"]] == [
        ("cuda-drivers", False, "installed", "", "535.104.05"),
        ("libnvidia-compute-535", True, "installed", "Ubuntu", "535.104.05"),
        ("linux-modules-nvidia-535-5.15.0-91-generic", False, "installed", "", ""),
        ("nvidia-dkms-535", False, "half-configured", "NVIDIA", "535.129.03"),
        ("nvidia-driver-535", False, "installed", "Ubuntu", "535.104.05"),
        ("nvidia-fabricmanager-535", False, "installed", "Ubuntu", ""),
        ("nvidia-firmware-535-535.54.03", False, "installed", "NVIDIA", ""),
    ]
    assert (found["known"], found["fabricmanager"]) == (True, "535.104.05")


@pytest.mark.parametrize("mark", ["usr/bin/nvidia-uninstall", "usr/bin/nvidia-installer"])
def test_what_the_run_installer_leaves(tmp_path, mark):
    assert _gpu_packages.look(host(tmp_path, files={mark: ""}))["runfile"]


@pytest.mark.parametrize(
    ("version", "maintainer", "expected"),
    [
        ("535.104.05-0ubuntu1", "Alberto Milone <alberto.milone@canonical.com>", "NVIDIA"),
        ("560.35.03-1ubuntu1", "", "NVIDIA"),
        ("535.183.01-0ubuntu0.22.04.1", "Ubuntu Core Developers <ubuntu-devel-discuss@lists.ubuntu.com>", "Ubuntu"),
        ("470.256.02-0ubuntu0~gpu22.04.1", "", "graphics-drivers"),
        ("535.129.03-0lambda0.22.04.1", "", "Lambda"),
        ("535.113.01-1pop0~1696873243~22.04~6f4e0fc", "", "System76"),
        ("535.261.03-1~deb12u1", "Debian NVIDIA Maintainers <maintainers@example.org>", "Debian"),
        ("550.163.01-2", "Debian NVIDIA Maintainers <maintainers@example.org>", "Debian"),
        ("535.309.01-1~deb12u1", "", "Debian"),
        ("545.23.08-1", "NVIDIA <cudatools@nvidia.com>", "NVIDIA"),
        ("535.104.05-1", "", ""),
        ("", "", ""),
    ],
)
def test_where_a_package_is_from(version, maintainer, expected):
    assert _gpu_packages.origin(version, maintainer) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("535.104.05-0ubuntu1", "535.104.05"),
        ("1:535.104.05-1", "535.104.05"),
        ("550.163.01-2", "550.163.01"),
        ("20230626~1", ""),
        ("5.15.0-91.101", ""),
        ("", ""),
    ],
)
def test_the_driver_in_a_packages_version(text, expected):
    assert driver_version(text) == expected


def test_versions_in_order():
    for older, newer in (
        ("535.54.03", "535.104.05"),
        ("535.104", "550.54"),
        ("6.1.0-9-amd64", "6.1.0-18-amd64"),
        ("5.15.0-94-generic", "6.8.0-31-generic"),
    ):
        assert version_key(older) < version_key(newer)
    assert branch("535.104.05") == "535"
    assert branch("") == ""


CONF = """
// A comment; "with a string";
APT::Periodic::Update-Package-Lists "1"; /* over
 lines */
APT {
  Periodic { Unattended-Upgrade "1"; };   # not a comment for apt, nor of ours
};
# Unattended-Upgrade::Package-Blacklist { "commented"; };
Unattended-Upgrade::Package-Blacklist {
        "nvidia-";   // the driver
        "libnvidia-(compute|gl)-\\d+";
};
unattended-upgrade::package-blacklist:: "linux-";
Dir::Etc::Main "apt.conf"; Acquire::http::Proxy "http://proxy.example.org:3128";
"""


def test_apts_configuration():
    conf = AptConf()
    conf.add(CONF)
    assert conf.value("apt::periodic::unattended-upgrade") == "1"
    assert conf.value("Acquire::http::Proxy") == "http://proxy.example.org:3128"
    assert conf.elements("Unattended-Upgrade::Package-Blacklist") == [
        "nvidia-",
        "libnvidia-(compute|gl)-\\d+",
        "linux-",
    ]
    assert (conf.value("No::Such"), conf.elements("No::Such")) == ("", [])
    conf.add('#clear Unattended-Upgrade;\nAPT::Periodic::Unattended-Upgrade "0";')
    assert conf.elements("Unattended-Upgrade::Package-Blacklist") == []
    assert conf.value("APT::Periodic::Unattended-Upgrade") == "0"


@pytest.mark.parametrize("text", ["{ } } ;;", 'A { B { "c"', '"', "}", "#include /etc/x;", "\x00", "A::B"])
def test_apts_configuration_may_be_damaged(text):
    conf = AptConf()
    conf.add(text)
    conf.add('A::B "c";')


def test_the_files_of_apts_configuration(tmp_path):
    folder = "etc/apt/apt.conf.d"
    files = {
        f"{folder}/20auto-upgrades": 'APT::Periodic::Unattended-Upgrade "1";',
        f"{folder}/50mine.conf": 'APT::Periodic::Unattended-Upgrade "0";',
        f"{folder}/90theirs.conf.dpkg-old": 'APT::Periodic::Unattended-Upgrade "2";',
        f"{folder}/95x.disabled": 'APT::Periodic::Unattended-Upgrade "3";',
    }
    assert read_apt_conf(host(tmp_path, files=files)).value("APT::Periodic::Unattended-Upgrade") == "0"
    (tmp_path / "etc/apt/apt.conf").write_text('APT::Periodic::Unattended-Upgrade "4";')
    assert read_apt_conf(str(tmp_path)).value("APT::Periodic::Unattended-Upgrade") == "4"


ON = 'APT::Periodic::Unattended-Upgrade "1";'
UBUNTU = 'Unattended-Upgrade::Allowed-Origins { "${distro_id}:${distro_codename}"; "${distro_id}:x-security"; };'
DEBIAN = 'Unattended-Upgrade::Origins-Pattern { "origin=Debian,codename=x,label=Debian"; };'


def package(name, held=False, origin="Ubuntu"):
    return {"name": name, "held": held, "origin": origin}


DRIVER = [package("libnvidia-compute-535"), package("nvidia-driver-535")]
BOTH = ["libnvidia-compute-535", "nvidia-driver-535"]


@pytest.mark.parametrize(
    ("text", "packages", "installed", "expected"),
    [
        (ON + UBUNTU, DRIVER, True, (True, False, BOTH)),
        (ON + UBUNTU, DRIVER, False, (False, False, [])),
        (UBUNTU, DRIVER, True, (False, False, [])),
        (ON + UBUNTU + 'APT::Periodic::Enable "0";', DRIVER, True, (False, False, [])),
        (ON + UBUNTU, [package("nvidia-driver-535", held=True)], True, (True, False, [])),
        (
            ON + UBUNTU + 'Unattended-Upgrade::Package-Blacklist { "nvidia-"; };',
            DRIVER,
            True,
            (True, False, ["libnvidia-compute-535"]),
        ),
        (ON + UBUNTU + 'Unattended-Upgrade::Package-Blacklist { "(lib)?nvidia-"; };', DRIVER, True, (True, True, [])),
        (ON + UBUNTU + 'Unattended-Upgrade::Package-Blacklist { "driver"; "("; };', DRIVER, True, (True, False, BOTH)),
        # NVIDIA's archive is not among those that are upgraded from, unless somebody put it there.
        (ON + UBUNTU, [package("nvidia-driver-535", origin="NVIDIA")], True, (True, False, [])),
        (
            ON + UBUNTU + 'Unattended-Upgrade::Allowed-Origins:: "NVIDIA:";',
            [package("nvidia-driver-535", origin="NVIDIA")],
            True,
            (True, False, ["nvidia-driver-535"]),
        ),
        (ON + DEBIAN, [package("nvidia-driver", origin="Debian")], True, (True, False, ["nvidia-driver"])),
        (ON + DEBIAN, [package("nvidia-driver", origin="NVIDIA")], True, (True, False, [])),
        (
            ON + 'Unattended-Upgrade::Origins-Pattern { "site=x"; };',
            [package("nvidia-driver", origin="NVIDIA")],
            True,
            (True, False, ["nvidia-driver"]),
        ),
        # Where it is from is not known, or what is allowed.
        (ON + UBUNTU, [package("nvidia-driver-535", origin="")], True, (True, False, ["nvidia-driver-535"])),
        (ON, DRIVER, True, (True, False, BOTH)),
    ],
)
def test_unattended_upgrades(text, packages, installed, expected):
    conf = AptConf()
    conf.add(text)
    found = unattended_upgrades(conf, packages, installed, "ubuntu")
    assert (found["enabled"], found["excludes_driver"], found["packages"]) == expected


def test_unattended_upgrades_of_a_host(tmp_path):
    root = host(
        tmp_path,
        [stanza("unattended-upgrades", "2.8"), stanza("nvidia-driver-535", "535.183.01-0ubuntu0.22.04.1")],
        {"etc/os-release": 'NAME="Ubuntu"\nID=ubuntu\n', "etc/apt/apt.conf.d/20auto-upgrades": ON + UBUNTU},
    )
    found = _gpu_packages.look(root)["unattended"]
    assert found == {"enabled": True, "excludes_driver": False, "packages": ["nvidia-driver-535"]}

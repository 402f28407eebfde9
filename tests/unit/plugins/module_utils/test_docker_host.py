# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Docker a host has, and what of other Dockers is in the way of one."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _docker_host
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.hosts import lay_out, link

CONFIG = "/etc/docker/daemon.json"
RECORD = "/var/lib/mlinabox/apt/docker_gpu.json"
DOCKERD = "#!/bin/sh\necho Docker version {}, build 3967b7d\n"


def status(**packages):
    """dpkg's status file; a `_` in a name is a `-`, two are a dot."""
    return "\n".join(
        f"Package: {name.replace('__', '.').replace('_', '-')}\nStatus: install ok installed\nVersion: {version}\n"
        for name, version in packages.items()
    )


def record(*names):
    return json.dumps({"requested": [], "installed": dict.fromkeys(names, "1"), "sources": []})


def seen(root, files=None, **packages):
    files = dict(files or {})
    if packages:
        files["/var/lib/dpkg/status"] = status(**packages)
    return _docker_host.look(lay_out(root, files))


def codes(found, source="docker", data_root=""):
    return {finding["code"]: finding["stops"] for finding in _docker_host.judge(found, source, data_root)}


def test_a_host_without_docker(tmp_path):
    found = seen(tmp_path)
    assert found["engine"] == {"package": "", "version": "", "program": "", "owner": ""}
    assert (found["kind"], found["holds"]) == ("", {"images": 0, "containers": 0, "volumes": 0})
    assert codes(found) == {}


@pytest.mark.parametrize(
    ("packages", "engine"),
    [
        # Versions of Docker's repository and of Debian's.
        ({"docker_ce": "5:20.10.8~3-0~ubuntu-focal"}, ("docker-ce", "20.10.8", "docker")),
        ({"docker_ce": "5:28.5.2-1~debian.12~bookworm"}, ("docker-ce", "28.5.2", "docker")),
        ({"docker__io": "20.10.5+dfsg1-1+deb11u4"}, ("docker.io", "20.10.5", "distro")),
        ({"docker__io": "26.1.5+dfsg1-9+b9"}, ("docker.io", "26.1.5", "distro")),
        ({"moby_engine": "20.10.25+azure-1"}, ("moby-engine", "20.10.25", "other")),
    ],
)
def test_the_engine_and_whose_it_is(tmp_path, packages, engine):
    found = seen(tmp_path, {"/usr/bin/dockerd": DOCKERD.format("0.0.1")}, **packages)
    assert tuple(found["engine"][key] for key in ("package", "version", "owner")) == engine
    assert found["engine"]["program"].endswith("/usr/bin/dockerd")
    assert codes(found)["there-already"] is False


def test_an_engine_that_this_collection_brought_is_worth_no_word(tmp_path):
    found = seen(tmp_path, {RECORD: record("docker.io")}, docker__io="26.1.5+dfsg1-9+b9")
    assert found["engine"]["owner"] == "ours"
    assert codes(found, "docker") == {}


def test_an_engine_without_a_package_says_its_version_itself(tmp_path):
    found = seen(tmp_path, {"/usr/local/bin/dockerd": DOCKERD.format("24.0.7")})
    assert (found["engine"]["package"], found["engine"]["version"], found["engine"]["owner"]) == ("", "24.0.7", "other")
    assert codes(found) == {"there-already": False}


def test_an_engine_that_is_too_old_is_in_the_way(tmp_path):
    assert codes(seen(tmp_path, docker_ce="5:19.03.15~3-0~ubuntu-bionic")) == {"old": True}


@pytest.mark.parametrize(
    "files",
    [
        {"/snap/docker/current": link("2915"), "/snap/docker/2915/bin/docker": ""},
        {"/var/lib/snapd/snaps/docker_2915.snap": ""},
    ],
)
def test_a_snap_is_in_the_way(tmp_path, files):
    found = seen(tmp_path, files)
    assert (found["kind"], codes(found)) == ("snap", {"snap": True})
    assert "snap remove docker" in _docker_host.judge(found, "docker")[0]["cure"]


def test_a_snap_beside_an_engine_is_in_the_way_too(tmp_path):
    found = seen(tmp_path, {"/snap/docker/current": None}, docker__io="26.1.5+dfsg1-9")
    assert codes(found, "distro") == {"snap": True, "there-already": False}


def test_podman_under_dockers_name_is_in_the_way(tmp_path):
    shim = '#!/bin/sh\nexec /usr/bin/podman "$@"\n'
    found = seen(tmp_path / "a", {"/usr/bin/docker": shim}, podman_docker="4.3.1+ds1-8")
    assert "apt-get remove podman-docker" in _docker_host.judge(found, "docker")[0]["cure"]
    found = seen(tmp_path / "b", {"/usr/local/bin/docker": shim})
    assert (codes(found), found["podman"]) == ({"podman": True}, "/usr/local/bin/docker")
    assert _docker_host.judge(found, "docker")[0]["cure"] == "remove /usr/local/bin/docker"


def test_what_came_before_the_toolkit_is_named_and_not_in_the_way(tmp_path):
    found = seen(tmp_path, {RECORD: record("docker-ce")}, docker_ce="5:20.10.8~3-0~x", nvidia_docker2="2.6.0-1")
    assert codes(found) == {"retired": False}
    assert "never `purge`" in _docker_host.judge(found, "docker")[0]["cure"]


HELD = {
    "/data/docker/image/overlay2/imagedb/content/sha256/1f": "{}",
    "/data/docker/containers/9c/config.v2.json": "{}",
    "/data/docker/volumes/metadata.db": "",
    "/data/docker/volumes/work/_data": None,
}


def test_what_an_engine_holds_is_not_left_behind_unseen(tmp_path):
    found = seen(tmp_path, {CONFIG: '{"data-root": "/data/docker"}', **HELD}, docker__io="26.1.5+dfsg1-9")
    assert (found["data_root"], set(found["holds"].values())) == ("/data/docker", {1})
    assert codes(found, "distro", "/big")["data-root"] is True
    assert "data-root" not in codes(found, "distro", "/data/docker")
    assert "data-root" not in codes(found, "distro", "")
    message = next(one for one in _docker_host.judge(found, "distro", "/big") if one["code"] == "data-root")
    assert message["what"].startswith("the engine keeps 1 images and 1 containers and 1 volumes in /data/docker")


def test_an_engine_that_holds_nothing_may_move(tmp_path):
    assert codes(seen(tmp_path, docker__io="26.1.5+dfsg1-9"), "distro", "/big") == {"there-already": False}


@pytest.mark.parametrize("config", ["", "[]", "{", '{"data-root": 1}', '{"data-root": "relative"}'])
def test_a_configuration_that_says_nothing_of_it_leaves_the_usual_folder(tmp_path, config):
    assert seen(tmp_path, {CONFIG: config})["data_root"] == "/var/lib/docker"


def test_a_node_of_a_swarm_is_named(tmp_path):
    files = {"/var/lib/docker/swarm/docker-state.json": "{}", RECORD: record("docker.io")}
    assert codes(seen(tmp_path, files, docker__io="26.1.5+dfsg1-9")) == {"swarm": False}


ARCHIVE = "https://download.docker.com/linux/debian"
SOURCE = f"deb [signed-by=/etc/apt/keyrings/docker.asc] {ARCHIVE} bookworm stable\n"


@pytest.mark.parametrize(
    ("files", "packages", "stops"),
    [
        ({"/etc/apt/sources.list.d/docker.list": SOURCE}, {}, True),
        ({"/etc/apt/sources.list.d/docker.sources": f"Types: deb\nURIs: {ARCHIVE}\n"}, {}, True),
        ({"/etc/apt/sources.list": SOURCE}, {}, True),
        ({"/etc/apt/sources.list.d/docker.list": "# " + SOURCE}, {}, False),
        ({"/etc/apt/sources.list.d/docker.list.save": SOURCE}, {}, False),
        ({"/etc/apt/sources.list.d/mlinabox-docker.sources": f"URIs: {ARCHIVE}\n"}, {}, False),
        # Who has an engine of Docker's has its source, and this collection's does not come.
        ({"/etc/apt/sources.list.d/docker.list": SOURCE}, {"docker_ce": "5:28.1.1-1~debian.12~bookworm"}, False),
    ],
)
def test_one_archive_does_not_come_to_stand_in_two_sources(tmp_path, files, packages, stops):
    found = _docker_host.judge(seen(tmp_path, files, **packages), "docker", "", ARCHIVE)
    assert [one["code"] for one in found if one["stops"]] == (["source"] if stops else [])


def test_the_loaded_driver_is_said(tmp_path):
    words = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\n"
    assert seen(tmp_path, {"/proc/driver/nvidia/version": words})["driver"] == "535.129.03"

# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layer `containers`: whose Docker it is, whether it knows NVIDIA's runtime, whether containers keep their GPUs."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _doctor_containers
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.hosts import lay_out, link

INFO = {"driver": {"version": "535.129.03", "nvml": "", "library": ""}}
# Recorded: docker 24.0 `docker info`, cut.
DOCKER_INFO = """Client: Docker Engine - Community
 Version:    24.0.7
Server:
 Containers: 2
 Cgroup Driver: {cgroup}
 Cgroup Version: 2
 Runtimes: io.containerd.runc.v2 {runtimes}
 Default Runtime: runc
"""
CDI = """cdiVersion: 0.5.0
kind: nvidia.com/gpu
containerEdits:
  mounts:
  - hostPath: /usr/lib/x86_64-linux-gnu/libcuda.so.{version}
    containerPath: /usr/lib/x86_64-linux-gnu/libcuda.so.{version}
"""
RUNTIME = {"runtimes": {"nvidia": {"args": [], "path": "nvidia-container-runtime"}}}
PROGRAMS = {
    "/usr/bin/nvidia-ctk": "#!/bin/sh\n",
    "/usr/bin/nvidia-container-runtime": "#!/bin/sh\n",
    "/usr/bin/dockerd": "#!/bin/sh\n",
}
LINKS = {"/dev/char/195:0": link("../nvidia0"), "/dev/char/195:255": link("../nvidiactl")}
SYSTEMD = {"/sys/fs/cgroup/cgroup.controllers": "cpu memory\n"}


def packages(**versions):
    return "\n".join(
        f"Package: {name.replace('_', '-')}\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n"
        for name, version in versions.items()
    )


TOOLKIT = dict.fromkeys(
    ("nvidia_container_toolkit", "nvidia_container_toolkit_base", "libnvidia_container_tools", "libnvidia_container1"),
    "1.18.0-1",
)


def host(daemon=..., dpkg=None, **files):
    """A host with Docker and a whole toolkit; daemon.json as a dict, a text, or None."""
    found = {
        **PROGRAMS,
        **LINKS,
        "/var/lib/dpkg/status": packages(**{"docker_ce": "5:24.0.7-1", **TOOLKIT, **(dpkg or {})}),
    }
    daemon = RUNTIME if daemon is ... else daemon
    if daemon is not None:
        found["/etc/docker/daemon.json"] = daemon if isinstance(daemon, str) else json.dumps(daemon)
    return {**found, **files}


def docker(runtimes="nvidia runc", cgroup="cgroupfs"):
    return f"#!/bin/sh\ncat <<'END'\n{DOCKER_INFO.format(runtimes=runtimes, cgroup=cgroup)}END\n"


def lacking(files, *paths):
    return {path: content for path, content in files.items() if not path.startswith(paths)}


@pytest.mark.parametrize(
    ("files", "codes"),
    [
        ({}, []),
        (host(), []),
        (host(**SYSTEMD), []),
        (host(**{"/usr/bin/docker": docker()}), []),
        # CDI in the place of the runtime.
        (host({"features": {"cdi": True}}, **{"/etc/cdi/nvidia.yaml": CDI.format(version="535.129.03")}), []),
        (host({}, {"docker_ce": "5:28.2.0-1"}, **{"/var/run/cdi/nvidia.yaml": CDI.format(version="535.129.03")}), []),
        (host({}, {"docker_ce": "5:27.5.1-1"}, **{"/var/run/cdi/nvidia.yaml": CDI.format(version="535.129.03")}),
         ["docker-not-configured"]),
        (host({}), ["docker-not-configured"]),
        (host(None), ["docker-not-configured"]),
        (host("{"), ["docker-configuration-damaged"]),
        (host("[]"), ["docker-configuration-damaged"]),
        (host({"runtimes": []}), ["docker-not-configured"]),
        # The unit may say it too.
        (host(None, **{"/etc/systemd/system/docker.service.d/x.conf":
                       "ExecStart=/usr/bin/dockerd --add-runtime=nvidia=/usr/bin/nvidia-container-runtime\n"}), []),
        (host({"runtimes": {"nvidia": {"path": "/usr/local/bin/gone"}}}), ["docker-runtime-gone"]),
        (lacking(host(), "/usr/bin/nvidia-container-runtime"), ["docker-runtime-gone"]),
        ({"/usr/bin/dockerd": "#!/bin/sh\n"}, ["docker-without-nvidia"]),
        (host(dpkg={"libnvidia_container1": "1.14.0-1"}), ["container-toolkit-mixed"]),
        (host(**{"/etc/cdi/nvidia.yaml": CDI.format(version="535.54.03")}), ["cdi-out-of-date"]),
        (host(**{"/etc/cdi/other.yaml": "kind: example.com/x\n"}), []),
        (lacking(host(**SYSTEMD), "/dev/char"), ["docker-loses-gpus"]),
        (lacking(host({**RUNTIME, "exec-opts": ["native.cgroupdriver=systemd"]}), "/dev/char"), ["docker-loses-gpus"]),
        (lacking(host({**RUNTIME, "exec-opts": ["native.cgroupdriver=cgroupfs"]}, **SYSTEMD), "/dev/char"), []),
        (lacking(host(), "/dev/char"), []),
        (lacking(host(**{"/usr/bin/docker": docker(cgroup="systemd")}), "/dev/char"), ["docker-loses-gpus"]),
        (lacking(host(**SYSTEMD, **{"/etc/nvidia-container-runtime/config.toml": 'mode = "cdi"\n'}), "/dev/char"), []),
        (lacking(host(**SYSTEMD, **{"/lib/udev/rules.d/71-nvidia-dev-char.rules":
                 'RUN+="/usr/bin/nvidia-ctk system create-dev-char-symlinks --create-all"\n'}), "/dev/char"), []),
        (host(**{"/etc/nvidia-container-runtime/config.toml": "[nvidia-container-cli]\nno-cgroups = true\n"}),
         ["docker-without-cgroups"]),
        (host(**{"/etc/nvidia-container-runtime/config.toml": "[nvidia-container-cli]\n#no-cgroups = true\n"}), []),
        ({"/snap/docker/current": link("2932"), "/snap/docker/2932/meta": ""}, ["docker-is-snap"]),
        ({"/var/lib/snapd/snaps/docker_2932.snap": ""}, ["docker-is-snap"]),
        (host(**{"/var/lib/snapd/snaps/docker_2932.snap": ""}), ["docker-is-snap"]),
        (host(None, {"podman_docker": "4.9.3"}), ["podman-without-cdi"]),
        (host(None, {"podman_docker": "4.9.3"}, **{"/etc/cdi/nvidia.yaml": CDI.format(version="535.129.03")}), []),
        ({"/usr/bin/docker": '#!/bin/sh\nexec podman "$@"\n'}, ["docker-without-nvidia"]),
        ({"/usr/bin/docker": link("podman"), "/usr/bin/podman": "#!/bin/sh\n"}, ["docker-without-nvidia"]),
        (host(**{"/usr/bin/docker": "#!/bin/sh\necho Cannot connect to the Docker daemon.\nexit 1\n"}),
         ["docker-stopped"]),
    ],
)  # fmt: skip
def test_what_is_found(tmp_path, files, codes):
    seen = _doctor_containers.look(lay_out(tmp_path, files), timeout=5)
    found = _doctor_containers.judge(seen, INFO)
    assert [one["code"] for one in found] == codes
    for one in found:
        assert one["text"].endswith(".") and one["cure"].endswith(".")


def test_a_docker_that_hangs_is_said_to_be_stopped(tmp_path):
    root = lay_out(tmp_path, host(**{"/usr/bin/docker": "#!/bin/sh\nsleep 60\n"}))
    seen = _doctor_containers.look(root, timeout=0.3)
    assert [one["code"] for one in _doctor_containers.judge(seen, INFO)] == ["docker-stopped"]
    assert "did not answer" in seen["words"]


def test_what_is_said_where_all_is_well(tmp_path):
    seen = _doctor_containers.look(lay_out(tmp_path, host()))
    assert _doctor_containers.text(seen) == "Docker gives GPUs to containers by the runtime nvidia."

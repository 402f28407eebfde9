# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether containers get the GPUs: which Docker there is, NVIDIA's runtime in it, and the specifications of CDI.

Docker gives GPUs to containers by a runtime of NVIDIA's (daemon.json, key `runtimes`) or by CDI, whose specifications
name the driver's files by their versions. With the systemd cgroup driver and without links in /dev/char containers lose
their GPUs at the next `systemctl daemon-reload` (NVIDIA/nvidia-container-toolkit#48). Nothing is started but
`docker info`.
"""

from __future__ import annotations

import json
import os
import re

from . import _gpu_bounded
from ._dpkg import parse_status
from ._gpu_codes import finding
from ._gpu_fit import driver_of
from ._gpu_root import exists, find_program, names, read_text, resolve

DAEMON = "/etc/docker/daemon.json"
TOOLKIT = (
    "nvidia-container-toolkit",
    "nvidia-container-toolkit-base",
    "libnvidia-container-tools",
    "libnvidia-container1",
)
_CONFIG = "/etc/nvidia-container-runtime/config.toml"
_UNITS = tuple(f"{folder}/docker.service" for folder in ("/etc/systemd/system", "/usr/lib/systemd/system"))
_DROP_INS = "/etc/systemd/system/docker.service.d"
_RULES = ("/etc/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d")
_SPECS = ("/etc/cdi", "/var/run/cdi")
_DRIVER_FILE = re.compile(r"\blib(?:cuda|nvidia-ml)\.so\.(\d+(?:\.\d+)+)")
_RUNTIME_FLAG = re.compile(r"--add-runtime[= ]nvidia=(\S+)")
_CGROUP_FLAG = re.compile(r"native\.cgroupdriver=(\w+)")


def look(root="/", timeout=10):
    """Return what there is of containers below `root`; timeout: seconds for `docker info`.

    docker: 'engine', 'snap', 'podman' or ''; snap_too: whether a snap's Docker is there besides. packages: {name:
    version} of the toolkit's four; has_toolkit. damaged: why daemon.json cannot be read, or ''. runtime: None, or
    `path` and `there` of the runtime called nvidia. default_runtime; cgroup_driver: 'systemd' or 'cgroupfs'; cdi:
    whether Docker has it switched on; mode: of NVIDIA's runtime, 'auto', 'cdi' or 'legacy'; no_cgroups; linked: whether
    links in /dev/char, or a udev rule that makes them, keep the GPUs. specs: dicts with `path` and `versions` (of the
    driver). running: None where Docker was not asked; words: what it said where it did not answer.
    """
    installed = parse_status(read_text(root, "/var/lib/dpkg/status"))
    daemon, damaged = _daemon(root)
    units = _units(root)
    docker = _which(root, installed)
    info = _ask(root, timeout) if docker == "engine" else {"running": None, "words": ""}
    config = read_text(root, _CONFIG)
    programs = ("nvidia-ctk", "nvidia-container-runtime", "nvidia-container-runtime-hook")
    return {
        "docker": docker,
        "snap_too": docker != "snap" and _has_snap(root),
        "packages": {name: installed[name].version for name in TOOLKIT if name in installed},
        "has_toolkit": any(name in installed for name in TOOLKIT[:2]) or any(find_program(root, n) for n in programs),
        "damaged": damaged,
        "runtime": _runtime(root, daemon, units, info),
        "default_runtime": _text(daemon.get("default-runtime")) or info.get("default", ""),
        "cgroup_driver": _cgroup_driver(root, daemon, units, info),
        "cdi": _cdi(daemon, installed, info),
        "mode": _setting(config, "mode") or "auto",
        "no_cgroups": _setting(config, "no-cgroups") == "true",
        "linked": _linked(root),
        "specs": _specs(root),
        "running": info["running"],
        "words": info["words"],
    }


def _which(root, installed):
    program = find_program(root, "docker")
    if "podman-docker" in installed or (program and _is_podman(root, program)):
        return "podman"
    if any(name in installed for name in ("docker-ce", "docker.io", "moby-engine")) or find_program(root, "dockerd"):
        return "engine"
    return "snap" if _has_snap(root) else ""


def _is_podman(root, program):
    if os.path.basename(resolve(root, "/usr/bin/docker")) == "podman":
        return True
    with open(program, "rb") as stream:
        head = stream.read(4096)
    return head.startswith(b"#!") and b"podman" in head


def _has_snap(root):
    files = names(root, "/var/lib/snapd/snaps")
    return exists(root, "/snap/docker/current") or any(name.startswith("docker_") for name in files)


def _daemon(root):
    text = read_text(root, DAEMON)
    if not text.strip():
        return {}, ""
    try:
        found = json.loads(text)
    except ValueError as error:
        return {}, str(error)
    return (found, "") if isinstance(found, dict) else ({}, "it is no object")


def _units(root):
    """What systemd starts Docker with: the unit that counts, and what drop-ins add."""
    unit = next((text for text in (read_text(root, path) for path in _UNITS) if text), "")
    added = [name for name in names(root, _DROP_INS) if name.endswith(".conf")]
    return "\n".join([unit, *(read_text(root, f"{_DROP_INS}/{name}") for name in added)])


def _ask(root, timeout):
    program = find_program(root, "docker")
    if not program or (root == "/" and not exists(root, "/var/run/docker.sock")):
        return {"running": False if program else None, "words": "its socket is not there" if program else ""}
    outcome = _gpu_bounded.run("docker info", [program, "info"], timeout, 1024 * 1024)
    server = re.search(r"^ ?Runtimes:(.*)$", outcome.text, re.MULTILINE)
    if outcome.status != _gpu_bounded.OK or not server:
        words = " ".join(outcome.text.split())
        error = re.search(r"(?:ERROR: |error during connect: )?(Cannot connect|permission denied).*", words)
        return {"running": False, "words": (error.group(0) if error else words or outcome.detail)[:300]}
    cgroup = re.search(r"^ ?Cgroup Driver: *(\S+)", outcome.text, re.MULTILINE)
    default = re.search(r"^ ?Default Runtime: *(\S+)", outcome.text, re.MULTILINE)
    return {
        "running": True,
        "words": "",
        "runtimes": server.group(1).split(),
        "cgroup": cgroup.group(1) if cgroup else "",
        "default": default.group(1) if default else "",
        "cdi": bool(re.search(r"^ ?CDI spec dirs:|^ ?Discovered Devices:\s+cdi:", outcome.text, re.MULTILINE)),
    }


def _runtime(root, daemon, units, info):
    runtimes = daemon.get("runtimes")
    entry = runtimes.get("nvidia") if isinstance(runtimes, dict) else None
    flag = _RUNTIME_FLAG.search(units)
    if isinstance(entry, dict):
        path = _text(entry.get("path")) or "nvidia-container-runtime"
    elif flag:
        path = flag.group(1)
    elif "nvidia" in info.get("runtimes", ()):
        path = "nvidia-container-runtime"
    else:
        return None
    there = exists(root, path) if path.startswith("/") else bool(find_program(root, path))
    return {"path": path, "there": there}


def _cgroup_driver(root, daemon, units, info):
    if info.get("cgroup"):
        return info["cgroup"]
    options = daemon.get("exec-opts")
    said = " ".join(str(option) for option in options) if isinstance(options, list) else ""
    match = _CGROUP_FLAG.search(said) or _CGROUP_FLAG.search(units)
    if match:
        return match.group(1)
    # Docker's default: systemd where the host has only cgroup version 2 (moby, daemon/daemon_unix.go).
    return "systemd" if exists(root, "/sys/fs/cgroup/cgroup.controllers") else "cgroupfs"


def _cdi(daemon, installed, info):
    features = daemon.get("features")
    said = features.get("cdi") if isinstance(features, dict) else None
    if said is not None:
        return bool(said)
    if info.get("cdi"):
        return True
    # Switched on by default from 28.2.0 on.
    for name in ("docker-ce", "docker.io", "moby-engine"):
        if name in installed:
            match = re.match(r"(?:\d+:)?(\d+)\.(\d+)", installed[name].version)
            return bool(match) and (int(match.group(1)), int(match.group(2))) >= (28, 2)
    return False


def _setting(text, name):
    match = re.search(rf"^\s*{name}\s*=\s*\"?([\w.-]+)", text, re.MULTILINE)
    return match.group(1) if match else ""


def _linked(root):
    # 195 is the major number of NVIDIA's character devices (kernel, Documentation/admin-guide/devices.txt).
    if any(name.startswith("195:") for name in names(root, "/dev/char")):
        return True
    return any(
        "create-dev-char-symlinks" in read_text(root, f"{folder}/{name}")
        for folder in _RULES
        for name in names(root, folder)
        if name.endswith(".rules") and "nvidia" in name
    )


def _specs(root):
    found = []
    for folder in _SPECS:
        for name in names(root, folder):
            text = read_text(root, f"{folder}/{name}") if name.endswith((".yaml", ".json")) else ""
            if "nvidia.com/" in text:
                versions = sorted(set(_DRIVER_FILE.findall(text)))
                found.append({"path": f"{folder}/{name}", "versions": versions})
    return found


def _text(value):
    return value if isinstance(value, str) else ""


def judge(seen, info):
    """Return the findings of what look saw. info: of gpu_info."""
    found = [*_of_toolkit(seen), *_of_specs(seen, info)]
    if seen["docker"] == "snap" or seen["snap_too"]:
        found.append(_snap(seen))
    if seen["docker"] == "podman":
        found += _of_podman(seen)
    elif seen["docker"] == "engine":
        found += _of_engine(seen)
    return found


def _of_toolkit(seen):
    # Since 1.18 the packages ask for one another's very version; before, apt lets them drift apart.
    versions = {version.partition("-")[0] for version in seen["packages"].values()}
    if len(versions) > 1:
        listed = ", ".join(f"{name} {version}" for name, version in sorted(seen["packages"].items()))
        yield finding(
            "container-toolkit-mixed",
            f"The parts of NVIDIA's container toolkit are of different versions: {listed}.",
            f"Bring them to one version: `apt-get install --only-upgrade {' '.join(sorted(seen['packages']))}`.",
        )


def _of_specs(seen, info):
    driver = driver_of(info)
    for spec in seen["specs"]:
        if driver and spec["versions"] and driver not in spec["versions"]:
            yield finding(
                "cdi-out-of-date",
                f"{spec['path']} names files of the driver {spec['versions'][0]}, and the host's is {driver}: "
                "containers that ask for GPUs by CDI do not start.",
                f"Make it anew: `nvidia-ctk cdi generate --output={spec['path']}`.",
            )


def _snap(seen):
    if seen["docker"] == "snap":
        return finding(
            "docker-is-snap",
            "Docker is the one of snap, which cannot use the host's NVIDIA runtime.",
            "Remove it with `snap remove docker`, and install docker-ce or docker.io with apt.",
        )
    return finding(
        "docker-is-snap",
        "Two Dockers are installed, apt's and snap's, which cannot use the host's NVIDIA runtime.",
        "Remove the second with `snap remove docker`.",
    )


def _of_podman(seen):
    if not seen["specs"] and seen["has_toolkit"]:
        yield finding(
            "podman-without-cdi",
            "The command docker is Podman's, which takes GPUs by CDI alone, and there is no specification.",
            "Make one: `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`.",
        )
    elif not seen["specs"]:
        yield finding(
            "docker-without-nvidia",
            "The command docker is Podman's, and without NVIDIA's container toolkit its containers see no GPU.",
            "Install nvidia-container-toolkit and run `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`.",
        )


def _of_engine(seen):
    runtime = seen["runtime"]
    if seen["damaged"]:
        yield finding(
            "docker-configuration-damaged",
            f"{DAEMON} is not valid JSON ({seen['damaged']}), and Docker does not start with it.",
            f"Mend {DAEMON}, check it with `dockerd --validate`, and restart Docker.",
        )
        return
    if runtime and not runtime["there"]:
        yield finding(
            "docker-runtime-gone",
            f"Docker's runtime nvidia is {runtime['path']}, which is not there.",
            f"Install nvidia-container-toolkit, or take the runtime out of {DAEMON}.",
        )
        return
    if not runtime and not (seen["cdi"] and seen["specs"]):
        if seen["has_toolkit"]:
            yield finding(
                "docker-not-configured",
                "NVIDIA's container toolkit is installed, and Docker does not know its runtime: "
                '"could not select device driver".',
                "Run `nvidia-ctk runtime configure --runtime=docker`, then `systemctl reload docker`.",
            )
        else:
            yield finding(
                "docker-without-nvidia",
                'Docker has no NVIDIA runtime, so a container that asks for a GPU does not start: "could not select '
                'device driver".',
                "Where containers are to have it, install nvidia-container-toolkit and run "
                "`nvidia-ctk runtime configure --runtime=docker`.",
            )
    if seen["running"] is False:
        yield finding(
            "docker-stopped",
            f"Docker does not answer: {seen['words'] or 'it says nothing'}.",
            "Start it with `systemctl start docker`; `journalctl -u docker` says why it does not run.",
        )
    if runtime and seen["mode"] != "cdi":
        yield from _of_cgroups(seen)


def _of_cgroups(seen):
    if seen["no_cgroups"]:
        yield finding(
            "docker-without-cgroups",
            f"{_CONFIG} says no-cgroups = true, which is for rootless Docker alone: in other containers NVML says "
            '"Unknown Error".',
            f"Set no-cgroups = false in {_CONFIG}.",
        )
    if seen["cgroup_driver"] == "systemd" and not seen["linked"]:
        yield finding(
            "docker-loses-gpus",
            "Containers lose their GPUs at the next `systemctl daemon-reload`: Docker's cgroup driver is systemd, and "
            "/dev/char has no links to NVIDIA's devices.",
            "Run `nvidia-ctk system create-dev-char-symlinks --create-all` at each start, by a udev rule, or use CDI.",
        )


def text(seen):
    """Return one sentence for the table where nothing is wrong."""
    if not seen["docker"]:
        return "No Docker is installed."
    if seen["docker"] == "podman":
        return "The command docker is Podman's, and CDI gives it the GPUs."
    by_cdi = seen["cdi"] and seen["specs"]
    ways = [way for way, there in (("the runtime nvidia", seen["runtime"]), ("CDI", by_cdi)) if there]
    return f"Docker gives GPUs to containers by {' and '.join(ways)}."

# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Docker engine a host has, what it holds, and what of other Dockers is in its way. No Ansible import.

What belongs to GPUs is looked at by _doctor_containers; here is what one must know before an engine is installed, or
one that is there is told something.
"""

from __future__ import annotations

import json
import re

from . import _apt_record, _doctor_containers, _gpu_bounded, _gpu_kernel
from ._dpkg import parse_status
from ._gpu_root import exists, find_program, names, read_text

OWNER = "docker_gpu"
#: Packages with an engine in them, and whose they are.
ENGINES = {"docker-ce": "docker", "docker.io": "distro", "moby-engine": "other"}
#: What this collection knows how to tell an engine, it knows of this one on: daemon.json's keys, moby v20.10.
OLDEST = (20, 10)
#: Packages of NVIDIA's that came before the container toolkit.
_RETIRED = ("nvidia-docker2", "nvidia-docker", "nvidia-container-runtime")
_VERSION = re.compile(r"(\d+\.\d+\.\d+)")
_DATA_ROOT = "/var/lib/docker"
_SOURCES = "/etc/apt/sources.list.d"
_RECORD = f"{_apt_record.FOLDER}/{OWNER}.json"


def look(root="/", timeout=10):
    """Return what there is of Docker below `root`; timeout: seconds for each program that is asked.

    engine: package ('' where it belongs to none, or there is none), version (of the program, '' for none), program
    (path), owner ('ours', 'docker', 'distro', 'other' or ''). kind: 'engine', 'snap', 'podman' or ''; snap_too. podman:
    the file or package that answers to the name docker. running: None where it was not asked. data_root, and holds:
    how many images, containers and volumes are in it. swarm. toolkit: {package: version}. retired: {package: version}
    of what came before. cgroup_driver, linked, specs: as _doctor_containers has them. driver: version of NVIDIA's
    kernel module, '' where it is not loaded. sources: {path: text} of apt's that are not this collection's.
    """
    installed = parse_status(read_text(root, "/var/lib/dpkg/status"))
    seen = _doctor_containers.look(root, timeout)
    data_root = _data_root(root)
    return {
        "engine": _engine(root, installed, timeout),
        "kind": seen["docker"],
        "snap_too": seen["snap_too"],
        "podman": _podman(root, installed) if seen["docker"] == "podman" else "",
        "running": seen["running"],
        "data_root": data_root,
        "holds": _holds(root, data_root),
        "swarm": exists(root, f"{data_root}/swarm/docker-state.json"),
        "toolkit": seen["packages"],
        "retired": {name: installed[name].version for name in _RETIRED if name in installed},
        "cgroup_driver": seen["cgroup_driver"],
        "linked": seen["linked"],
        "specs": seen["specs"],
        "driver": _gpu_kernel.find_module(root)["version"],
        "sources": _sources(root),
    }


def _engine(root, installed, timeout):
    program = find_program(root, "dockerd")
    package = next((name for name in ENGINES if name in installed), "")
    version, owner = "", ""
    if package:
        version = _version(installed[package].version)
        owner = "ours" if package in _brought(root) else ENGINES[package]
    elif program:
        said = _gpu_bounded.run("dockerd --version", [program, "--version"], timeout).text
        version, owner = _version(said) or "0.0.0", "other"
    return {"package": package, "version": version, "program": program, "owner": owner}


def _sources(root):
    found = {}
    files = [f"{_SOURCES}/{name}" for name in names(root, _SOURCES) if not name.startswith("mlinabox-")]
    for path in [*files, "/etc/apt/sources.list"]:
        lines = [line for line in read_text(root, path).splitlines() if not line.lstrip().startswith("#")]
        if lines and path.endswith((".list", ".sources")):
            found[path] = "\n".join(lines)
    return found


def _brought(root):
    """What this collection has installed of Docker."""
    try:
        return json.loads(read_text(root, _RECORD))["installed"]
    except (ValueError, KeyError, TypeError):
        return {}


def _version(text):
    """The version of an engine in its package's, or in what it says of itself."""
    match = _VERSION.search(text.partition(":")[2] or text)
    return match.group(1) if match else ""


def _podman(root, installed):
    if "podman-docker" in installed:
        return "the package podman-docker"
    program = find_program(root, "docker")
    return program[len(root) :] if root != "/" and program.startswith(root) else program


def _data_root(root):
    try:
        daemon = json.loads(read_text(root, _doctor_containers.DAEMON))
        found = daemon.get("data-root") or daemon.get("graph")
    except (ValueError, AttributeError):
        return _DATA_ROOT
    return found if isinstance(found, str) and found.startswith("/") else _DATA_ROOT


def _holds(root, data_root):
    """What of people's lies in an engine's folder: moby, image/<driver>/imagedb, containers, volumes."""
    drivers = names(root, f"{data_root}/image")
    images = sum(len(names(root, f"{data_root}/image/{driver}/imagedb/content/sha256")) for driver in drivers)
    volumes = [
        name for name in names(root, f"{data_root}/volumes") if exists(root, f"{data_root}/volumes/{name}/_data")
    ]
    return {"images": images, "containers": len(names(root, f"{data_root}/containers")), "volumes": len(volumes)}


def judge(seen, source, data_root="", archive=""):
    """Return the findings: dicts with `code`, `what`, `why`, `cure` and `stops` (whether it is in the way).

    seen: of look(); source: 'docker' or 'distro', where an engine is to come from; data_root: where the engine is to
    keep what it holds, '' for where it does; archive: the address of Docker's repository.
    """
    return [
        *_others(seen),
        *_retired(seen),
        *_present(seen, source),
        *_twice(seen, source, archive),
        *_moved(seen, data_root),
    ]


def _finding(code, what, why, cure, stops):
    return {"code": code, "what": what, "why": why, "cure": cure, "stops": stops}


def _others(seen):
    if seen["kind"] == "snap" or seen["snap_too"]:
        yield _finding(
            "snap",
            "Docker is installed as a snap",
            "its engine is confined: it cannot use the host's NVIDIA runtime and reads another daemon.json",
            "save what it holds, then `snap remove docker`, which removes its images and volumes too",
            True,
        )
    if seen["kind"] == "podman":
        package = seen["podman"].startswith("the package ")
        yield _finding(
            "podman",
            f"the command docker is Podman's ({seen['podman']})",
            "an engine beside it would not be the one that `docker` speaks to",
            "`apt-get remove podman-docker`; podman itself may stay" if package else f"remove {seen['podman']}",
            True,
        )


def _retired(seen):
    for name, version in seen["retired"].items():
        cure = f"`apt-get remove {name}`"
        why = "NVIDIA's container toolkit has taken its place"
        if name == "nvidia-docker2":
            why += ", and /etc/docker/daemon.json counts as a file of its"
            cure += ", never `purge`, which would remove daemon.json with everybody's settings"
        yield _finding("retired", f"{name} {version} is installed", why, cure, False)


def _present(seen, source):
    engine = seen["engine"]
    if not engine["version"]:
        return
    named = f"{engine['package'] or 'an engine that belongs to no package,'} {engine['version']}"
    if tuple(map(int, engine["version"].split(".")[:2])) < OLDEST:
        yield _finding(
            "old",
            f"{named} is installed",
            "what this collection tells an engine is known to engines from 20.10 on",
            "upgrade it",
            True,
        )
    elif engine["owner"] not in ("ours", ""):
        other = engine["owner"] != source
        yield _finding(
            "there-already",
            f"{named} is installed already and stays as it is",
            f"docker_gpu_source: {source} is for hosts without an engine" if other else "it is not this collection's",
            "remove it first if you want this collection's",
            False,
        )
    if seen["swarm"]:
        yield _finding(
            "swarm",
            "the host is a node of a swarm",
            "there, containers do not outlive a restart of the engine (live-restore)",
            "drain the node before the engine is changed",
            False,
        )


def _twice(seen, source, archive):
    """Where there is an engine of somebody else's, so is its source, and ours does not come."""
    if source != "docker" or not archive or (seen["engine"]["version"] and seen["engine"]["owner"] != "ours"):
        return
    for path, text in seen["sources"].items():
        if archive.rstrip("/") in text:
            yield _finding(
                "source",
                f"{path} names {archive} too",
                "apt refuses to work at all when one archive stands in two sources with different keys (Signed-By)",
                f"remove {'its line there' if path.endswith('sources.list') else path}",
                True,
            )


def _moved(seen, data_root):
    held = {kind: count for kind, count in seen["holds"].items() if count}
    if not data_root or data_root == seen["data_root"] or not held:
        return
    counted = " and ".join(f"{count} {kind}" for kind, count in held.items())
    yield _finding(
        "data-root",
        f"the engine keeps {counted} in {seen['data_root']}, and is to keep all in {data_root}",
        "it would no longer see them",
        f"stop the engine, copy all of {seen['data_root']} to {data_root} (`rsync -aHAX`), write "
        f'`"data-root": "{data_root}"` into /etc/docker/daemon.json, start it again',
        True,
    )

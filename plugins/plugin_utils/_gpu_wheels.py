# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What GPU code the wheels of a lock hold: of a lock of ours it stands beside it, of another's the tables know some.

`./box lock` reads the wheels and writes cuda.gpu.yml beside cuda.txt. A lock that another tool made has no such file;
there PyTorch's wheels are known by their version, and NVIDIA's own wheels tell the CUDA release of the others.

A wheel is {"distribution", "version", "cuda": the release it was made with, or "", "architectures": [texts of
_gpu_targets]}.
"""

from __future__ import annotations

import os
import re
from typing import Any

from ..module_utils._gpu_targets import parse
from ._lock_file import Host, LockFileError, marker_environment
from ._locks import read_lock

try:
    import yaml
except ImportError:  # ansible-core brings it; a documentation build may lack it
    yaml = None

#: (from this version of torch on, the CUDA release of its wheels on the index, what they hold), read out of wheels of
#: 1.12 to 2.15. None of them holds PTX.
TORCH = [
    ("1.12", "10.2", "3.7 5.0 6.0 7.0"),
    ("1.13", "11.7", "3.7 5.0 6.0 7.0 7.5 8.0 8.6"),
    ("2.1", "12.1", "5.0 6.0 7.0 7.5 8.0 8.6 9.0"),
    ("2.5", "12.4", "5.0 6.0 7.0 7.5 8.0 8.6 9.0"),
    ("2.7", "12.6", "5.0 6.0 7.0 7.5 8.0 8.6 9.0"),
    ("2.8", "12.8", "7.0 7.5 8.0 8.6 9.0 10.0 12.0"),
    ("2.11", "13.0", "7.5 8.0 8.6 9.0 10.0 12.0"),
    ("2.15", "13.2", "7.5 8.0 8.6 9.0 10.0 12.0"),
]
#: The newest version that was looked at; what comes after it is not known.
TORCH_LAST = "2.15"
#: What the wheels on PyTorch's own index hold that have a CUDA release in their version (1.12.1+cu116): of versions
#: before 2.0, of others (pytorch/builder @c14b882c, manywheel/build_cuda.sh, and later).
TORCH_BUILDS = {
    "cu113": ("3.7 5.0 6.0 7.0 7.5 8.0 8.6", ""),
    "cu116": ("3.7 5.0 6.0 7.0 7.5 8.0 8.6", ""),
    "cu117": ("3.7 5.0 6.0 7.0 7.5 8.0 8.6", "3.7 5.0 6.0 7.0 7.5 8.0 8.6"),
    "cu118": ("", "3.7 5.0 6.0 7.0 7.5 8.0 8.6 9.0"),
    "cu121": ("", "5.0 6.0 7.0 7.5 8.0 8.6 9.0"),
}
#: A lock is read for the first of these that it is for.
PYTHONS = ("3.12", "3.11", "3.10", "3.9", "3.13", "3.8")
_KEYS = {"version", "sha256", "cuda", "architectures", "read"}


def beside(lock: str) -> str:
    """Return the path of the file beside a lock."""
    return os.path.splitext(lock)[0] + ".gpu.yml"


def of_stack(stack: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return {variant: {distribution: wheel}} of a stack (of _stack.read_stack), as _gpu_fit wants its wheels.

    A distribution that another of its environments has in another version is called `torch of ENVIRONMENT`.
    """
    return _by_variant(stack, wheels_of)


def architectures(stack: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    """Return {variant: {distribution: architectures}} of a stack, as the files beside its locks say."""
    found = _by_variant(stack, lambda lock: written(beside(lock)) if os.path.isfile(beside(lock)) else [])
    return {variant: {name: one["architectures"] for name, one in wheels.items()} for variant, wheels in found.items()}


def _by_variant(stack, wheels_of_lock):
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for environment, one in stack["environments"].items():
        for variant, lock in one["variants"].items():
            wheels = found.setdefault(variant, {})
            for wheel in wheels_of_lock(os.path.join(stack["dir"], lock)):
                name = wheel["distribution"]
                same = wheels.get(name, wheel)
                wheels[name if same == wheel else f"{name} of {environment}"] = wheel
    return found


def wheels_of(lock: str) -> list[dict[str, Any]]:
    """Return the wheels of a lock that hold GPU code, as far as that is known, sorted by name.

    Raises ValueError, one line, where the file beside it is none of ours.
    """
    if not os.path.isfile(lock):
        return []  # for who installs it to say
    path = beside(lock)
    return written(path) if os.path.isfile(path) else _known(lock)


def written(path: str) -> list[dict[str, Any]]:
    """Return the wheels that a file beside a lock says. Raises ValueError, one line that names the file."""
    try:
        with open(path, encoding="utf-8") as stream:
            data = yaml.safe_load(stream)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise ValueError(f"{path} is no map of distributions; ./box lock writes it anew")
    return [_wheel(path, name, data[name]) for name in sorted(data)]


def _wheel(path: str, name: str, data: Any) -> dict[str, Any]:
    if not isinstance(data, dict) or set(data) != _KEYS or not isinstance(data["architectures"], list):
        raise ValueError(f"{path}: {name}: has not the keys {', '.join(sorted(_KEYS))}; ./box lock writes it anew")
    try:
        for architecture in data["architectures"]:
            parse(str(architecture))
    except ValueError as error:
        raise ValueError(f"{path}: {name}: {error}; ./box lock writes it anew") from error
    return {
        "distribution": name,
        "version": str(data["version"]),
        "cuda": str(data["cuda"]),
        "architectures": list(data["architectures"]),
    }


def _known(lock: str) -> list[dict[str, Any]]:
    """Return what the tables know of a lock that has no file beside it."""
    entries = _versions(lock)
    found = []
    torch = entries.get("torch", "")
    if torch:
        cuda, architectures = torch_wheel(torch)
        if cuda or architectures:
            found.append(_as_wheel("torch", torch, cuda, architectures))
    for name, version in sorted(entries.items()):
        # nvidia-cuda-runtime-cu12, or without a suffix from CUDA 13 on: what every framework's wheel depends on.
        if re.fullmatch(r"nvidia-cuda-runtime(-cu\d+)?", name):
            found.append(_as_wheel(name, version, ".".join(version.split(".")[:2]), []))
    return found


def _versions(lock: str) -> dict[str, str]:
    """Return {name: version} of a lock for some Python that it is for; {} where there is none.

    What is wrong with it is said by the task that installs it.
    """
    try:
        content = read_lock(lock)
    except LockFileError:
        return {}
    for python in (content.header.get("python", ""), *PYTHONS):
        try:
            if python:
                return {pin.name: pin.version for pin in content.narrow(Host(marker_environment(python)))}
        except LockFileError:
            continue
    return {}


def torch_wheel(version: str) -> tuple[str, list[str]]:
    """Return (CUDA release, architectures) of the torch wheel of a version, ('', []) where that is not known.

    >>> torch_wheel("2.1.2")
    ('12.1', ['5.0', '6.0', '7.0', '7.5', '8.0', '8.6', '9.0'])
    """
    public, _plus, local = version.partition("+")
    numbers = tuple(int(part) for part in re.findall(r"\d+", public)[:2])
    if local:
        built = re.fullmatch(r"cu(\d+)(\d)", local)
        held = TORCH_BUILDS.get(local, ("", ""))[numbers >= (2, 0)].split()
        return (f"{built[1]}.{built[2]}", held) if built else ("", [])
    cuda, architectures = "", ""
    for first, release, held in TORCH:
        if _numbers(first) <= numbers <= _numbers(TORCH_LAST):
            cuda, architectures = release, held
    return cuda, architectures.split()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _as_wheel(name: str, version: str, cuda: str, architectures: list[str]) -> dict[str, Any]:
    return {"distribution": name, "version": version, "cuda": cuda, "architectures": architectures}

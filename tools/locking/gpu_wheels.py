# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GPU code a wheel holds, read out of the wheel: each distribution keeps it in a place of its own.

torch        the list that torch.cuda.get_arch_list() returns is a text in libtorch_python.so
tensorflow   build_info.py; a `compute_80` in its list stands for machine code and PTX (TensorFlow's configure.py says
             so)
others       the fat binaries in their libraries (see fatbin.py); the first few of a library are read, since a build
             makes all of its files for the same architectures
"""

from __future__ import annotations

import ast
import itertools
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from .fatbin import containers, order, usual
from .names import LockError

#: How many fat binaries of a library are read.
FEW = 16
#: (from this version of the PTX ISA on, CUDA release that brought it), of the releases where the numbers are not
#: alike; before and between them 7.x is CUDA 11.x and so on (release history of the PTX ISA).
PTX_RELEASES = {(6, 3): "10.0", (6, 4): "10.1", (6, 5): "10.2", (8, 6): "12.7", (8, 7): "12.8", (8, 8): "12.9"}


@dataclass(frozen=True)
class Held:
    """What a wheel holds: architectures as _gpu_targets spells them, the CUDA release it was made with, and where it
    was read."""

    architectures: tuple[str, ...]
    cuda: str
    read: str


def reads(name: str) -> bool:
    """Tell whether it is known where a distribution (normalized name) keeps its GPU code."""
    return _reader(name) is not None


def depends_on_torch(name: str) -> bool:
    """Tell whether what is read of a distribution depends on the CUDA release of the torch beside it."""
    return name == "bitsandbytes"


def read(name: str, wheel: zipfile.ZipFile, torch_cuda: str) -> Held | None:
    """Return what a wheel holds, None where it has no GPU code.

    Args:
        name: the distribution's normalized name, of which `reads` is true.
        wheel: the wheel itself.
        torch_cuda: CUDA release of the torch beside it, or ''; bitsandbytes takes the library that is made for it.

    Raises:
        LockError: it is not where it has to be.
    """
    reader = _reader(name)
    assert reader
    return reader(wheel, torch_cuda)


def _torch(wheel: zipfile.ZipFile, _torch_cuda: str) -> Held | None:
    found = re.search(r"^cuda\b.*?= '([\d.]+)'$", _text(wheel, "torch/version.py"), re.MULTILINE)
    if not found:
        return None
    member = "torch/lib/libtorch_python.so"
    lists = re.findall(rb"\0((?:(?:sm|compute)_\d+[af]? ?)+)\0", _bytes(wheel, member))
    if not lists:
        raise LockError(f"{member} has no list of architectures: torch has changed, and this does not know how")
    return Held(_sorted(_of_nvcc(word) for word in max(lists, key=len).decode().split()), found[1], member)


def _tensorflow(wheel: zipfile.ZipFile, _torch_cuda: str) -> Held | None:
    member = "tensorflow/python/platform/build_info.py"
    info = {}
    for node in ast.parse(_text(wheel, member)).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "build_info":
            value = node.value.args[0] if isinstance(node.value, ast.Call) else node.value
            info = dict(ast.literal_eval(value))
    if not info.get("is_cuda_build"):
        return None
    found: list[str] = []
    for word in info["cuda_compute_capabilities"]:
        kind, _underscore, number = word.rpartition("_")
        number = number if "." in number else f"{number[:-1]}.{number[-1]}"
        found += [number] if kind == "sm" else [number, f"{number}+PTX"]
    return Held(_sorted(found), str(info["cuda_version"]), member)


def _libraries(pattern: str) -> Callable[[zipfile.ZipFile, str], Held | None]:
    """Return a reader of the fat binaries in the members that a pattern matches; {cuda} in it is torch's, as 121."""

    def reader(wheel: zipfile.ZipFile, torch_cuda: str) -> Held | None:
        wanted = re.compile(pattern.replace("{cuda}", torch_cuda.replace(".", "") or "[^0-9]"))
        members = sorted(name for name in wheel.namelist() if wanted.fullmatch(name))
        held: set[str] = set()
        read_ones: list[str] = []
        isa: set[tuple[int, int]] = set()
        for member in members:
            with wheel.open(member) as stream:
                found = list(itertools.islice(containers(stream), FEW))
            if not found:
                continue
            held |= set(usual(found))
            isa |= {code.isa for one in found for code in one if code.isa}
            few = "all its fat binaries" if len(found) < FEW else f"its first {FEW} fat binaries"
            read_ones.append(f"{member}, {few}")
        if not held:
            return None
        cuda = (torch_cuda if "{cuda}" in pattern else "") or _named(wheel) or (ptx_release(max(isa)) if isa else "")
        return Held(_sorted(held), cuda, "; ".join(read_ones))

    return reader


_READERS: list[tuple[str, Callable[[zipfile.ZipFile, str], Held | None]]] = [
    (r"torch", _torch),
    (r"tensorflow", _tensorflow),
    (r"torchvision", _libraries(r"torchvision/_C[^/]*\.so")),
    (r"torchaudio", _libraries(r"torchaudio/lib/libtorchaudio\.so")),
    (r"xgboost", _libraries(r"xgboost/lib/libxgboost\.so")),
    # The smallest of its libraries; what needs none of them is compiled on the host.
    (r"cupy-cuda\d+x?", _libraries(r"cupy/random/_generator_api\.[^/]*so")),
    # Beside the one for GPUs from 7.5 on lies one for those before.
    (r"bitsandbytes", _libraries(r"bitsandbytes/libbitsandbytes_cuda{cuda}(_nocublaslt)?\.so")),
]


def _reader(name: str) -> Callable[[zipfile.ZipFile, str], Held | None] | None:
    return next((reader for pattern, reader in _READERS if re.fullmatch(pattern, name)), None)


def ptx_release(isa: tuple[int, int]) -> str:
    """Return the CUDA release that brought a version of the PTX ISA.

    >>> ptx_release((7, 8)), ptx_release((8, 7)), ptx_release((6, 5))
    ('11.8', '12.8', '10.2')
    """
    return PTX_RELEASES.get(isa) or f"{isa[0] + 4}.{isa[1]}"


def _named(wheel: zipfile.ZipFile) -> str:
    """Return the CUDA release in the version that a wheel's version.py says (0.16.1+cu121 is 12.1), or ''."""
    for member in wheel.namelist():
        if re.fullmatch(r"[^/]+/version\.py", member):
            found = re.search(r"\+cu(\d+)(\d)\b", _text(wheel, member))
            if found:
                return f"{found[1]}.{found[2]}"
    return ""


def _of_nvcc(word: str) -> str:
    """Return sm_86 as 8.6, compute_90a as 9.0a+PTX."""
    kind, number, suffix = re.fullmatch(r"(sm|compute)_(\d+)([af]?)", word).groups()
    return f"{number[:-1]}.{number[-1]}{suffix}{'+PTX' if kind == 'compute' else ''}"


def _sorted(architectures: object) -> tuple[str, ...]:
    return tuple(sorted(set(architectures), key=order))


def _bytes(wheel: zipfile.ZipFile, member: str) -> bytes:
    try:
        return wheel.read(member)
    except KeyError:
        raise LockError(f"it has no {member}: it has changed, and this does not know how") from None


def _text(wheel: zipfile.ZipFile, member: str) -> str:
    return _bytes(wheel, member).decode("utf-8")

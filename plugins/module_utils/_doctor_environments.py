# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The live environments of a box and the frameworks in them, read from their files: nothing of them is run.

For which CUDA a framework was built, and for which GPUs, it says itself: torch in version.py and in the string that
torch.cuda.get_arch_list() answers from, TensorFlow in build_info.py, JAX and CuPy by the names of their distributions.
"""

from __future__ import annotations

import mmap
import os
import re

from . import _loader
from ._box import Box, BoxError
from ._dists import installed_versions, site_packages
from ._gpu_root import names, read_text, resolve

ENVIRONMENTS = "/opt/mlinabox"
TORCH, TENSORFLOW, JAX, CUPY = "torch", "tensorflow", "jax", "cupy"
_TORCH_CUDA = re.compile(r"^cuda(?:\s*:[^=]*)?\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|None)", re.MULTILINE)
_TENSORFLOW = re.compile(r"\('(cuda_version|cudnn_version|is_cuda_build)',\s*'?([^',)]*)'?\)")
_TENSORFLOW_TARGETS = re.compile(r"\('cuda_compute_capabilities',\s*\[([^\]]*)\]")
_TARGET = re.compile(r"\b(sm|compute)_(\d\d+)([a-z]?)\b")
_TORCH_TARGETS = re.compile(rb"\b(sm_\d\d+[a-z]?(?: (?:sm|compute)_\d\d+[a-z]?)*)\0")
_CUDNN_FILE = re.compile(r"libcudnn\w*\.so(\.\d+)?$")


def look(root="/", loader=None, wanted=None, place=ENVIRONMENTS):
    """Return a dict for each live environment of the box below `root`, by name.

    `name`, `path` (of its generation on the host), `python`, `frameworks` (see _frameworks; `lacks` are those of
    `wants` that the host has not) and `cudnn`: the cuDNN that it brings itself, dicts with `folder` (on the host),
    `names` and `version` ('8.5.0', or ''). loader: of _loader.look; wanted: only these names; place: the box's folder.
    One that is asked for and not live gives a dict with `name` and `missing`, why.
    """
    loader = loader or _loader.look(root)
    box = Box(os.path.join(root, place.lstrip("/")))
    found = []
    for name in box.environments() if wanted is None else wanted:
        try:
            generation = os.path.basename(box.live(name))
        except BoxError as error:
            found.append({"name": name, "missing": str(error)})
            continue
        path = f"{place}/envs/{name}/{generation}"
        try:
            site = site_packages(resolve(root, path))
            versions = installed_versions(site)
        except (OSError, ValueError) as error:
            found.append({"name": name, "missing": str(error)})
            continue
        site = f"{path}/lib/{os.path.basename(os.path.dirname(site))}/site-packages"
        frameworks = _frameworks(root, site, versions)
        for framework in frameworks:
            framework["lacks"] = [name for name in framework["wants"] if not _loader.finds(root, loader, name)]
        found.append(
            {
                "name": name,
                "path": path,
                "python": f"{path}/bin/python",
                "frameworks": frameworks,
                "cudnn": _cudnn(root, site, versions),
            }
        )
    return found


def _frameworks(root, site, versions):
    """Return `name`, `distribution`, `version`, `cuda`, `architectures`, `cpu_only` and `wants` of each framework.

    cuda: the release it was built for ('11.6', '12', '' where not known); architectures: as in _gpu_targets, [] where
    not known; cpu_only: whether it has no code for a GPU at all; wants: names of the libraries that it takes from the
    host, not from the environment.
    """
    found = []
    if "torch" in versions:
        found.append(_torch(root, site, versions["torch"]))
    for name in ("tensorflow", "tensorflow-gpu", "tensorflow-cpu", "tf-nightly"):
        if name in versions:
            found.append(_tensorflow(root, site, name, versions))
            break
    if "jax" in versions and "jaxlib" in versions:
        found.append(_jax(versions))
    found += [_cupy(name, version) for name, version in versions.items() if re.match(r"cupy(-cuda\d+x?)?\Z", name)]
    return found


def _framework(name, distribution, version, cuda="", architectures=(), cpu_only=False, wants=()):
    return {
        "name": name,
        "distribution": distribution,
        "version": version,
        "cuda": cuda,
        "architectures": list(architectures),
        "cpu_only": cpu_only,
        "wants": list(wants),
    }


def _architectures(targets):
    """nvcc's words as _gpu_targets has them: sm_90a -> 9.0a, compute_80 -> 8.0+PTX."""
    for kind, number, suffix in _TARGET.findall(targets):
        yield f"{number[:-1]}.{number[-1]}{suffix}" + ("+PTX" if kind == "compute" else "")


def _torch(root, site, version):
    match = _TORCH_CUDA.search(read_text(root, f"{site}/torch/version.py"))
    if match:
        cuda = match.group(1) or match.group(2) or ""
        cpu_only = not cuda
    else:
        local = version.partition("+")[2]
        cuda = f"{local[2:-1]}.{local[-1]}" if re.match(r"cu\d{3,}\Z", local) else ""
        cpu_only = local.startswith("cpu")
    targets = "" if cpu_only else _torch_targets(resolve(root, f"{site}/torch/lib/libtorch_python.so"))
    return _framework(TORCH, "torch", version, cuda, _architectures(targets), cpu_only)


def _torch_targets(path):
    """What TORCH_CUDA_ARCH_LIST was at its build, `sm_37 sm_50 ...`; '' where that is not found."""
    try:
        with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            found = [match.group(1) for match in _TORCH_TARGETS.finditer(data)]
    except (OSError, ValueError):
        return ""
    return max(found, key=len).decode("ascii") if found else ""


def _tensorflow(root, site, distribution, versions):
    text = read_text(root, f"{site}/tensorflow/python/platform/build_info.py")
    said = dict(_TENSORFLOW.findall(text))
    targets = _TENSORFLOW_TARGETS.search(text)
    cpu_only = distribution == "tensorflow-cpu" or said.get("is_cuda_build") == "False"
    cuda, cudnn = said.get("cuda_version", ""), said.get("cudnn_version", "")
    wants = []
    # From 2.14 on it also looks into the environment's own distributions of NVIDIA's (tensorflow/tensorflow#59825);
    # where they are, what it finds shows when it runs.
    own = {name.split("-cu1")[0] for name in versions if name.startswith("nvidia-")}
    if not cpu_only and cuda and "nvidia-cuda-runtime" not in own:
        wants.append(_runtime(cuda))
    if not cpu_only and cudnn and "nvidia-cudnn" not in own:
        wants.append(f"libcudnn.so.{cudnn.split('.')[0]}")
    return _framework(
        TENSORFLOW,
        distribution,
        versions[distribution],
        cuda,
        _architectures(targets.group(1) if targets else ""),
        cpu_only,
        wants,
    )


def _runtime(cuda):
    """The name of the CUDA runtime: by the major version from 12 on, 11.0 for all of 11, before that by both."""
    major = int(cuda.split(".")[0])
    return f"libcudart.so.{major}" if major > 11 else "libcudart.so.11.0" if major == 11 else f"libcudart.so.{cuda}"


def _jax(versions):
    local = re.search(r"\+cuda(\d+)", versions["jaxlib"])
    plugin = next((found for found in (re.match(r"jax-cuda(\d+)-", name) for name in versions) if found), None)
    cuda = (local or plugin).group(1) if local or plugin else ""
    return _framework(JAX, "jaxlib", versions["jaxlib"], cuda, cpu_only=not cuda)


def _cupy(name, version):
    digits = name.partition("-cuda")[2].rstrip("x")
    cuda = f"{digits[:2]}.{digits[2:]}" if len(digits) > 2 else digits
    return _framework(CUPY, name, version, cuda)


def _cudnn(root, site, versions):
    """The folders of an environment that hold a cuDNN: NVIDIA's distributions, and what torch brings in its own."""
    folders = [f"{site}/nvidia/{name}/lib" for name in ("cudnn", *names(root, f"{site}/nvidia")) if name != "cudnn"]
    folders = [f"{site}/nvidia/cudnn/lib", *folders, f"{site}/torch/lib"]
    wheel = next((version for name, version in versions.items() if name.startswith("nvidia-cudnn-")), "")
    found = []
    for folder in folders:
        libraries = [name for name in names(root, folder) if _CUDNN_FILE.match(name)]
        if libraries:
            version = ".".join(wheel.split(".")[:3]) if "/nvidia/" in folder else ""
            found.append({"folder": folder, "names": libraries, "version": version})
    return found

# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The box's environments of a host, with stand-ins of the frameworks in them that say what the real ones said."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .hardware import gpus
from .libraries import Library, build

PLACE = "/opt/mlinabox"
GENERATION = "20260101T000000Z-0badcafe"
SOURCES = Path(__file__).resolve().parents[1] / "frameworks"
#: TensorFlow -> CUDA and cuDNN that its wheel was built with, and for which GPUs (tensorflow.org/install/source).
_TENSORFLOW = {
    "2.9": ("11.2", "8", "sm_35 sm_50 sm_60 sm_70 sm_75 compute_80"),
    "2.16": ("12.3", "8", "sm_60 sm_70 sm_80 sm_89 compute_90"),
    "2.15": ("12.2", "8", "sm_50 sm_60 sm_70 sm_75 compute_80"),
    "2.20": ("12.5.1", "9", "sm_60 sm_70 sm_80 sm_89 compute_90"),
}


def interpreter():
    """A Python of this machine that any user may start: a developer's own may lie in a home closed to others."""
    return "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else os.path.realpath(sys.executable)


def _release(python):
    code = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    return subprocess.run([python, "-Ic", code], check=True, capture_output=True, text=True).stdout.strip()


def put(tree, scenario, cache):
    """environments: {name: {generation, distributions, torch, tensorflow}}.

    Returns the release (X.Y) of the Python that they have here.
    """
    environments = scenario.get("environments", {})
    if not environments:
        return ""
    python = interpreter()
    release = _release(python)
    short = release.rpartition(".")[0]
    for name, environment in environments.items():
        generation = environment.get("generation", GENERATION)
        place = f"{PLACE}/envs/{name}/{generation}"
        tree.write(f"{place}/pyvenv.cfg", f"home = {os.path.dirname(python)}\nversion = {release}\n")
        tree.link(f"{place}/bin/python", python)
        tree.link(f"{place}/bin/python3", "python")
        tree.write(f"{place}/.mlinabox/use.lock")
        tree.write(f"{place}/.mlinabox/state.json", "{}\n")
        tree.link(f"{PLACE}/envs/{name}/current", generation)
        site = f"{place}/lib/python{short}/site-packages"
        tree.folder(site)
        for distribution, version in environment.get("distributions", {}).items():
            _put_record(tree, site, distribution.replace("-", "_"), version)
        if "torch" in environment:
            _put_torch(tree, site, environment["torch"], [gpu for _address, gpu in gpus(scenario)], cache)
        if "tensorflow" in environment:
            _put_tensorflow(tree, site, environment["tensorflow"])
    return short


def _put_package(tree, site, name, version, words):
    for source in (SOURCES / name).glob("*.py"):
        shutil.copyfile(source, tree.place(f"{site}/{name}/{source.name}"))
    shutil.copyfile(SOURCES / "matrices.py", tree.place(f"{site}/{name}/matrices.py"))
    tree.write(f"{site}/{name}/words.json", json.dumps({"version": version, **words}))
    _put_record(tree, site, name, version)


def _put_record(tree, site, name, version):
    info = f"{site}/{name}-{version}.dist-info"
    tree.write(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    tree.write(f"{info}/RECORD", f"{name}/__init__.py,,\n")


def _put_torch(tree, site, torch, host, cache):
    host = [{"name": gpu["name"], "capability": gpu["capability"]} for gpu in host][: torch.get("devices")]
    words = {"stderr": "", "work": "", "cudnn_error": "", "cudnn": 0, "available": True, "gpus": host, **torch}
    version = str(torch["version"])
    _put_package(tree, site, "torch", version, {**words, "version": version})
    cuda = repr(torch["cuda"]) if torch["cuda"] else "None"
    tree.write(f"{site}/torch/version.py", f"__version__ = '{version}'\ncuda: Optional[str] = {cuda}\nhip = None\n")
    if torch["architectures"]:
        targets = " ".join(f"sm_{architecture.replace('.', '')}" for architecture in torch["architectures"])
        library = Library("named.c", "libtorch_python.so", {"TARGETS": f'"{targets}"'})
        built = build([library], cache)[library.key()]
        shutil.copyfile(built, tree.place(f"{site}/torch/lib/libtorch_python.so"))


def _put_tensorflow(tree, site, tensorflow):
    version = str(tensorflow["version"])
    cuda, cudnn, targets = _TENSORFLOW[version.rpartition(".")[0]]
    words = {"stderr": "", "gpus": 0, "cuda": cuda, "cudnn": cudnn, **tensorflow}
    _put_package(tree, site, "tensorflow", version, words)
    rows = [("cuda_compute_capabilities", targets.split()), ("cuda_version", cuda), ("cudnn_version", cudnn)]
    rows.append(("is_cuda_build", True))
    text = f"import collections\n\nbuild_info = collections.OrderedDict({rows!r})\n"
    for folder in ("python", "python/platform"):
        tree.write(f"{site}/tensorflow/{folder}/__init__.py")
    tree.write(f"{site}/tensorflow/python/platform/build_info.py", text)

# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a host that never was out of a scenario: a folder with its files, programs and libraries.

    python3 tests/gpu/materialize.py SCENARIO FOLDER [--cache CACHE]

SCENARIO is a file, or a name in tests/gpu/scenarios; FOLDER must not be there yet. What looks at hosts takes the folder
as its `root`. Needs PyYAML, and a C compiler where the scenario has libraries; what is compiled is kept in CACHE.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
# Run as a program it finds its parts by itself; imported, it finds them beside it too.
sys.path.insert(0, str(HERE))

from standin import frameworks, hardware, kernels, linker, nvml, packages, programs, smi  # noqa: E402 - beside this file
from standin.tree import Tree  # noqa: E402 - likewise

SCENARIOS = HERE / "scenarios"
CACHE = HERE.parents[1] / ".cache" / "gpu"
_KEYS = {
    *("source", "os", "kernel", "kernels", "modules", "gpus", "switches", "pci", "devices", "secure_boot", "nvml"),
    *("libraries", "links", "files", "programs", "services", "docker", "packages", "archives", "keys", "environments"),
}


def names():
    """Return the names of the scenarios, sorted."""
    return sorted(path.stem for path in SCENARIOS.glob("*.yml"))


def load(scenario):
    """Return a scenario's content (dict). scenario: a name in scenarios/ or a path.

    Raises ValueError where it is not to be read, or has what this does not know.
    """
    path = Path(scenario)
    if path.suffix != ".yml":
        path = SCENARIOS / f"{scenario}.yml"
    if not path.is_file():
        raise ValueError(f"no scenario {scenario}; there are {', '.join(names())}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: {error}") from error
    if unknown := sorted(set(content) - _KEYS):
        raise ValueError(f"{path}: not known: {', '.join(unknown)}; known are {', '.join(sorted(_KEYS))}")
    if lacking := [key for key in ("source", "os", "kernel") if not content.get(key)]:
        raise ValueError(f"{path}: it lacks {', '.join(lacking)}")
    if (number := _number(content)) is not None:
        raise ValueError(f'{path}: {number} is read as a number; write "{number}", for a version is text')
    return content


def _number(content):
    """The first number with a point in nested values, None where there is none: 550.120 would lose its zero."""
    parts = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    found = (part if isinstance(part, float) else _number(part) for part in parts)
    return next((number for number in found if number is not None), None)


def materialize(scenario, folder, cache=CACHE):
    """Make a host. scenario: of load(); folder: a path that is not there yet; cache: where libraries are kept.

    Raises FileExistsError where the folder is there, RuntimeError where a library cannot be compiled.
    """
    os.makedirs(folder, mode=0o755)
    tree = Tree(os.path.realpath(folder))
    for path in ("/etc", "/proc", "/sys", "/run", "/dev", "/usr/local", "/tmp", "/home", "/root", "/boot"):
        tree.folder(path)
    tree.link("/var/run", "/run") if not tree.exists("/var/run") else None
    packages.put(tree, scenario)
    kernels.put(tree, scenario)
    hardware.put(tree, scenario)
    linker.put(tree)
    release = frameworks.put(tree, scenario, Path(cache))
    scenario = _with_python(scenario, release)
    # Links first: a file may lie behind one.
    for path, target in scenario.get("links", {}).items():
        tree.link(path, target)
    for path, content in scenario.get("files", {}).items():
        tree.write(path, content)
    sonames = nvml.put(tree, scenario, Path(cache))
    programs.put(tree, scenario, sonames)
    smi.put(tree, scenario)
    return tree.root


def _with_python(scenario, release):
    """The environments here have a Python of this machine, so what lies in them lies in its folder."""
    if not release:
        return scenario
    changed = dict(scenario)
    for key in ("files", "libraries"):
        rows = scenario.get(key, {})
        changed[key] = {_in_release(path, release): row for path, row in rows.items()}
    return changed


def _in_release(path, release):
    before, mark, after = path.partition("/lib/python")
    return f"{before}/lib/python{release}/{after.partition('/')[2]}" if mark and "/envs/" in before else path


def main(arguments):
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario")
    parser.add_argument("folder")
    parser.add_argument("--cache", default=CACHE)
    told = parser.parse_args(arguments)
    try:
        print(materialize(load(told.scenario), told.folder, told.cache))
    except (ValueError, OSError, RuntimeError) as error:
        print(f"materialize: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stacks: find the folder, read its stack.yml, say in one line what is wrong with it.

Controller side; no Ansible import. Every error is a ValueError whose text is one line that names the file or the field,
the cause and the cure.
"""

from __future__ import annotations

import difflib
import os
import re

from ._gpu_wheels import architectures

try:
    import yaml
except ImportError:  # ansible-core brings it; a documentation build may lack it
    yaml = None

ARCHITECTURE = "x86_64"
AUTO = "auto"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")

# Field -> (type, required). `any` is checked by whoever reads it.
_TOP = {
    "name": (str, True),
    "title": (str, True),
    "published": (str, True),
    "python": (dict, True),
    "releases": (list, True),
    "cuda": (dict, False),
    "cudnn": (dict, False),
    "nccl": (dict, False),
    "docker": (dict, False),
    "driver": (dict, False),
    "system_packages": (list, False),
    "environments": (dict, True),
    "commands": (list, False),
    "machine": (list, False),
    "packages": (list, True),
    "left_out": (list, False),
    "waivers": (list, False),
}
_PYTHON = {"version": (str, True), "published": (str, True)}
_RELEASE = {
    "distribution": (str, True),
    "version": (str, True),
    "codename": (str, False),
    "cuda_toolkit": (str, False),
    "cudnn": ((str, list), False),
    "nccl": (str, False),
    "system_packages": (list, False),
}
_ENVIRONMENT = {
    "requirements": (str, True),
    "variants": (dict, True),
    "build": (str, False),
    "build_requirements": (str, False),
    "built_from_source": (list, False),
    "space": (int, True),
    "overrides": (dict, False),
    "commands": (list, False),
}
_PACKAGE = {
    "name": (str, True),
    "distribution": (str, True),
    "version": (str, True),
    "environment": (str, True),
    "check": (str, True),
    "memory": (int, False),
    "timeout": (int, False),
    "expected": ((str, dict), False),
    "reason": (str, False),
}
_LEFT_OUT = {"name": (str, True), "reason": (str, True)}
_WAIVER = {"distribution": (str, True), "files": (list, False), "reason": (str, True)}
_EXPECTED = ("works", "fails")
_WORDS = {
    str: "a text (quote it)",
    dict: "a map",
    list: "a list",
    int: "a whole number",
    (str, dict): "a text or a map",
    (str, list): "a text or a list of texts",
}


def stack_folders(search_path):
    """Return {name: folder} of all the stacks under the folders of `search_path`; an earlier folder wins.

    A folder is a stack when it has a stack.yml; what lies beside (smoke/, jupyterlab/) is none.
    """
    found = {}
    for base in search_path:
        if not os.path.isdir(base):
            continue
        for name in sorted(os.listdir(base)):
            folder = os.path.realpath(os.path.join(base, name))
            if name not in found and os.path.isfile(os.path.join(folder, "stack.yml")):
                found[name] = folder
    return found


def read_stack(folder):
    """Return the valid content of `folder`/stack.yml, `dir`, `smoke_dir` and `architectures` added; ValueError else.

    architectures: {variant: {distribution: [what GPU code its wheel holds, as _gpu_targets spells it]}}.
    """
    path = os.path.join(folder, "stack.yml")
    try:
        with open(path, encoding="utf-8") as stream:
            data = yaml.safe_load(stream)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else path
        raise ValueError(f"{where} is not valid YAML: {getattr(error, 'problem', None) or error}") from error
    try:
        validate(data, os.path.basename(os.path.realpath(folder)))
    except ValueError as error:
        raise ValueError(f"{path} is no valid stack: {error}") from error
    data.setdefault("system_packages", [])
    for key in ("commands", "left_out", "waivers", "machine"):
        data.setdefault(key, [])
    data["dir"] = os.path.realpath(folder)
    data["smoke_dir"] = os.path.join(os.path.dirname(data["dir"]), "smoke")
    data["architectures"] = architectures(data)
    return data


def validate(data, folder_name):
    """Raise ValueError, the field named first, when `data` is not what a stack.yml holds."""
    _fields(data, _TOP, "")
    if data["name"] != folder_name:
        raise ValueError(f"name: is {data['name']!r}, its folder is called {folder_name!r}; make them the same")
    if not _NAME.match(data["name"]):
        raise ValueError(f"name: {data['name']!r} may hold letters, digits, '.', '_' and '-'")
    if not _DATE.match(data["published"]):
        raise ValueError(f"published: {data['published']!r} is no date like 2022-10-20")
    _fields(data["python"], _PYTHON, "python.")
    _rows(data, "releases", _RELEASE)
    _texts(data, "system_packages")
    _texts(data, "commands")
    for number, release in enumerate(data["releases"]):
        _texts(release, "system_packages", f"releases[{number}].")
        if isinstance(release.get("cudnn"), list):
            _texts(release, "cudnn", f"releases[{number}].")
    if "stack" not in data["environments"]:
        raise ValueError("environments: has no `stack`, the environment that every stack needs")
    for name, environment in data["environments"].items():
        prefix = f"environments.{name}."
        _fields(environment, _ENVIRONMENT, prefix)
        if not environment["variants"]:
            raise ValueError(f"{prefix}variants: is empty; name a lock for `cpu` at least")
        for variant, lock in environment["variants"].items():
            if not isinstance(lock, str):
                raise ValueError(f"{prefix}variants.{variant}: must be the path of a lock")
    _rows(data, "packages", _PACKAGE)
    _rows(data, "left_out", _LEFT_OUT)
    _rows(data, "waivers", _WAIVER)
    for number, package in enumerate(data["packages"]):
        _package(package, f"packages[{number}] ({package['name']}).", data["environments"])


def missing_files(data):
    """Return the files that `data` (of read_stack) names and its folder lacks, as 'field: path' texts."""
    missing = []
    for name, environment in data["environments"].items():
        named = {"requirements": environment["requirements"]}
        if "build" in environment:
            named["build"] = environment["build"]
        named.update({f"variants.{variant}": lock for variant, lock in environment["variants"].items()})
        for field, path in named.items():
            if not os.path.isfile(os.path.join(data["dir"], path)):
                missing.append(f"environments.{name}.{field}: {path}")
    return missing


def choose(name, distribution, version, search_path):
    """Return (stack, warnings): the stack called `name`, the one in the folder `name`, or, for `auto`, the one made for
    the release `version` ('12', '20.04') of `distribution` ('Debian', 'Ubuntu', as Ansible's facts spell them).

    The stack has `release`, its entry for the host's release ({} when it has none), whose system packages take the
    place of the stack's own. ValueError when there is none.
    """
    folders = stack_folders(search_path)
    if name == AUTO:
        return _automatic(distribution, version, folders, search_path), []
    if os.sep in name:
        folder = os.path.expanduser(name)
        if not os.path.isfile(os.path.join(folder, "stack.yml")):
            raise ValueError(f"stack_name: {name} is no stack: it has no stack.yml")
    elif name in folders:
        folder = folders[name]
    else:
        close = difflib.get_close_matches(name, folders, 1)
        hint = f" Did you mean {close[0]}?" if close else ""
        known = ", ".join(sorted(folders)) or f"none in {', '.join(search_path)}"
        raise ValueError(f"There is no stack called {name!r}.{hint} There are: {known}. Set stack_name to one of them.")
    stack = _for_release(read_stack(folder), distribution, version)
    warnings = []
    if not stack["release"]:
        warnings.append(
            f"Stack {stack['name']} is made for {_releases(stack)}; this host is {distribution} {version}, so "
            "expect its Python to be a managed one and its system packages to be this release's."
        )
    return stack, warnings


def for_host(search_path, distribution, version):
    """Return the valid stacks under `search_path`, each with `release` as `choose` adds it; one that is not valid is
    left out, since nobody asked for it."""
    found = []
    for folder in stack_folders(search_path).values():
        try:
            found.append(_for_release(read_stack(folder), distribution, version))
        except ValueError:
            continue
    return found


def _automatic(distribution, version, folders, search_path):
    stacks = [read_stack(folder) for folder in folders.values()]
    for stack in stacks:
        stack = _for_release(stack, distribution, version)
        if stack["release"]:
            return stack
    if not stacks:
        raise ValueError(f"No stack lies in {', '.join(search_path)}; set stack_search_path or stack_name.")
    made_for = "; ".join(f"{stack['name']} is for {_releases(stack)}" for stack in stacks)
    raise ValueError(
        f"No stack is made for {distribution} {version}: {made_for}. "
        f"Choose one yourself with stack_name, such as stack_name={stacks[-1]['name']}."
    )


def _for_release(stack, distribution, version):
    stack["release"] = {}
    for release in stack["releases"]:
        same_version = version == release["version"] or version.startswith(release["version"] + ".")
        if release["distribution"].lower() == distribution.lower() and same_version:
            stack["release"] = release
            stack["system_packages"] = release.get("system_packages", stack["system_packages"])
            break
    return stack


def _releases(stack):
    texts = [f"{release['distribution']} {release['version']}" for release in stack["releases"]]
    return " and ".join(texts) if texts else "no release in particular"


def _fields(value, known, prefix):
    where = prefix.rstrip(".") or "the file"
    if not isinstance(value, dict):
        raise ValueError(f"{where}: must be a map of fields")
    for key in value:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
            raise ValueError(f"{prefix}{key}: is no field of a stack; {hint}")
    for key, (kind, required) in known.items():
        if key not in value:
            if required:
                raise ValueError(f"{prefix}{key}: is missing")
        elif not isinstance(value[key], kind) or isinstance(value[key], bool):
            raise ValueError(f"{prefix}{key}: must be {_WORDS[kind]}, is {value[key]!r}")


def _rows(data, field, known):
    for number, row in enumerate(data.get(field, [])):
        _fields(row, known, f"{field}[{number}].")


def _texts(data, field, prefix=""):
    for item in data.get(field, []):
        if not isinstance(item, str):
            raise ValueError(f"{prefix}{field}: {item!r} must be a text")


def _package(package, prefix, environments):
    if package["environment"] not in environments:
        known = ", ".join(environments)
        raise ValueError(f"{prefix}environment: {package['environment']!r} is none of the stack's ({known})")
    expected = package.get("expected", "works")
    outcomes = list(expected.values()) if isinstance(expected, dict) else [expected]
    for outcome in outcomes:
        if outcome not in _EXPECTED:
            raise ValueError(f"{prefix}expected: {outcome!r} is neither works nor fails")
    if "fails" in outcomes and not package.get("reason"):
        raise ValueError(f"{prefix}reason: is missing; what is expected to fail needs one")

#!/usr/bin/python
#
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chooses the packages of CUDA releases, or of a cuDNN, out of what an archive of NVIDIA's offers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cuda_packages
short_description: Chooses the packages of CUDA releases or of a cuDNN out of what an archive offers
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Reads the package list of an apt repository that is laid out as NVIDIA's are, signature checked by apt, and returns
    the packages of O(releases) or of O(cudnn), each with its exact version.
  - A release is the metapackage of that version and all that it needs of the repository, each in the lowest version
    that will do; so an older release stays what it was where the repository has a newer one too.
  - Fails with what the repository has, where it has not what is asked for, where it would bring a driver, and where
    the host has no room for it.
  - The repository need not be configured on the host. apt's lists are not touched.
extends_documentation_fragment: mlinabox.core.read_only
options:
  source:
    description: The repository, as P(mlinabox.core.apt_sources#lookup) returns it.
    type: dict
    required: true
    suboptions:
      name:
        description: Its name.
        type: str
        required: true
      content:
        description: The text in deb822 form, without C(Signed-By).
        type: str
        required: true
      preferences:
        description: Not looked at.
        type: str
        default: ""
      key:
        description: The repository's key, base64 of its file.
        type: str
      key_suffix:
        description: V(.asc) where the key is armored, V(.gpg) where it is not.
        type: str
        choices: [.asc, .gpg]
        default: .asc
  label:
    description: What the repository must call itself (C(Label) in its Release); pins go by it.
    type: str
    default: NVIDIA CUDA
  releases:
    description: CUDA releases, each with three numbers.
    type: list
    elements: str
    default: []
  lean:
    description: Whether only what compiles and links a program is taken, of each release.
    type: bool
    default: false
  distribution:
    description:
      - In the place of O(releases), the package of a toolkit that a distribution's own archive has, such as
        V(nvidia-cuda-toolkit). Libraries of the distribution's driver may be among what it needs where the host has no
        driver; where it has one, they must not.
    type: str
    default: ""
  cudnn:
    description: Versions of cuDNN of which the first is taken that the repository has for O(cuda).
    type: list
    elements: str
  cuda:
    description: The CUDA release that O(cudnn) is for.
    type: str
  present:
    description: Names of packages that are there, or will be, and serve what O(cudnn) needs.
    type: list
    elements: str
    default: []
  check_space:
    description: Whether to fail where the host has no room for what it does not have yet.
    type: bool
    default: true
  hint:
    description: What to do where the repository has not what is asked for; added to the message.
    type: str
    default: ""
  gcc_default:
    description: Major version of the distribution's own gcc; 0 where no compiler is to be chosen.
    type: int
    default: 0
  gcc_others:
    description: Major versions of gcc that the distribution has besides, as packages C(g++-VERSION).
    type: list
    elements: int
    default: []
  lock_timeout:
    description: How many seconds a lock that another apt holds is waited for.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: Choose the packages of CUDA 11.7.1
  mlinabox.core.cuda_packages:
    source: "{{ query('mlinabox.core.apt_sources', repository) | first }}"
    releases: [11.7.1]
  register: chosen
"""

RETURN = r"""
packages:
  description: The packages, each C(NAME=VERSION).
  type: list
  elements: str
  returned: success
  sample: ["cuda-nvcc-11-7=11.7.99-1"]
release:
  description: The CUDA release of the package O(distribution), or empty.
  type: str
  returned: success
  sample: ""
refuse:
  description: Regular expressions over the names of packages that installing RV(packages) must not bring.
  type: list
  elements: str
  returned: success
  sample: ["cuda-drivers(-.*)?"]
compilers:
  description: For each of O(releases), the distribution's package of a host compiler that its nvcc takes.
  type: dict
  returned: success
  sample: {"11.7.1": "g++"}
cudnn:
  description: Which of O(cudnn) was taken, or empty.
  type: str
  returned: success
  sample: 8.5.0.96
download:
  description: Bytes of the packages that are not on the host yet.
  type: int
  returned: success
  sample: 2400000000
installed:
  description: Bytes that these take on the disk.
  type: int
  returned: success
  sample: 6100000000
"""

import os
import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlinabox.core.plugins.module_utils import (
    _apt,
    _apt_get,
    _cuda_choice,
    _cuda_compilers,
    _deb_archive,
    _dpkg,
    _nvidia_driver_packages,
    _space,
)

#: Where apt keeps what it downloads, and where the packages' files go.
DOWNLOADS = "/var/cache/apt/archives"
FILES = "/usr/local"
MIB = 1 << 20
#: What tells a driver that no package has brought.
DRIVER_MARKS = ("/proc/driver/nvidia/version", "/usr/bin/nvidia-uninstall", "/usr/bin/nvidia-installer")


class Failure(Exception):
    """What is wrong, in one line."""


def read_archive(module, address):
    """Return the Archive at `address`, its signature checked by apt. Failure where it cannot be read or is another."""
    apt = _apt_get.Apt(module.run_command, module.params["lock_timeout"])
    try:
        apt.pretend([module.params["source"]], alone=True)
        apt.own_lists()
        said = apt.update()
        wrong = _apt.fetch_failures(said) or _apt.errors(said)
        if wrong:
            raise Failure(
                f"The repository {address} cannot be read ({wrong[0]}). Check the host's network and clock, the "
                "address, network_http_proxy and network_ca_bundle"
            )
        text, label = apt.packages(), apt.label()
    finally:
        apt.close()
    if label != module.params["label"]:
        raise Failure(
            f"The repository {address} calls itself {label!r} and not {module.params['label']!r}, and its pins go by "
            "that; set cuda_repository_label to what it calls itself"
        )
    return _deb_archive.parse(text)


def lacking_space(offers):
    """Return one line that says what the host has no room for, or ''."""
    download, files = (sum(getattr(offer, field) for offer in offers) // MIB for field in ("download", "installed"))
    lacking = _space.lacking({FILES: files, DOWNLOADS: download})
    if not lacking:
        return ""
    return f"{lacking} ({download} MiB to download, {files} MiB when installed). Free some, or take cuda_packages: lean"


def names_of_driver(installed):
    """Return the names that the packages of the host's driver have or provide; None where there is no driver.

    One of NVIDIA's own installer is no package's, and is told by its kernel module or its uninstaller.
    """
    names = set()
    for package in installed.values():
        if _nvidia_driver_packages.is_driver(package.name):
            names |= {package.name, *package.provides}
    return names if names or any(os.path.exists(path) for path in DRIVER_MARKS) else None


def choose(module, archive, driver):
    """Return {cudnn, release, packages: {name: Offer}} of what is chosen; ValueError says what the archive has."""
    given = module.params
    if given["cudnn"]:
        version, chosen = _cuda_choice.cudnn(archive, given["cudnn"], given["cuda"], set(given["present"]))
        return {"cudnn": version, "release": "", "packages": chosen}
    if given["distribution"]:
        release, chosen = _cuda_choice.distributions(archive, given["distribution"], driver)
        return {"cudnn": "", "release": release, "packages": chosen}
    chosen = [_cuda_choice.toolkit(archive, release, given["lean"]) for release in given["releases"]]
    return {"cudnn": "", "release": "", "packages": _cuda_choice.together(chosen)}


def choose_compilers(module):
    """Return {release: package of a compiler}; ValueError where the distribution has none that a release takes."""
    default, others = module.params["gcc_default"], module.params["gcc_others"]
    releases = module.params["releases"] if default else []
    return {release: _cuda_compilers.choose(release, default, others) for release in releases}


def main():
    module = AnsibleModule(
        argument_spec={
            "source": {
                "type": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "content": {"type": "str", "required": True},
                    "preferences": {"type": "str", "default": ""},
                    "key": {"type": "str", "no_log": False},
                    "key_suffix": {"type": "str", "choices": [".asc", ".gpg"], "default": ".asc", "no_log": False},
                },
            },
            "label": {"type": "str", "default": "NVIDIA CUDA"},
            "releases": {"type": "list", "elements": "str", "default": []},
            "lean": {"type": "bool", "default": False},
            "distribution": {"type": "str", "default": ""},
            "cudnn": {"type": "list", "elements": "str"},
            "cuda": {"type": "str"},
            "present": {"type": "list", "elements": "str", "default": []},
            "check_space": {"type": "bool", "default": True},
            "hint": {"type": "str", "default": ""},
            "gcc_default": {"type": "int", "default": 0},
            "gcc_others": {"type": "list", "elements": "int", "default": []},
            "lock_timeout": {"type": "int", "default": 600},
        },
        required_by={"cudnn": ["cuda"]},
        supports_check_mode=True,
    )
    installed = _dpkg.read_status()
    driver = names_of_driver(installed)
    address = " ".join(re.findall(r"(?m)^URIs: *(\S+)", module.params["source"]["content"]))
    try:
        archive = read_archive(module, address)
        chosen = choose(module, archive, driver)
        compilers = choose_compilers(module)
    except Failure as problem:
        module.fail_json(msg=f"{problem}.")
    except ValueError as problem:
        module.fail_json(msg=f"The repository {address}: {problem}. {module.params['hint']}".strip())
    new = [offer for offer in chosen["packages"].values() if not _dpkg.is_satisfied(offer.spec, installed)]
    lacking = lacking_space(new) if module.params["check_space"] else ""
    if lacking:
        module.fail_json(msg=f"{lacking}.")
    module.exit_json(
        changed=False,
        packages=[offer.spec for offer in chosen["packages"].values()],
        refuse=_nvidia_driver_packages.refused(filter(_nvidia_driver_packages.is_driver, chosen["packages"])),
        release=chosen["release"],
        compilers=compilers,
        cudnn=chosen["cudnn"],
        download=sum(offer.download for offer in new),
        installed=sum(offer.installed for offer in new),
    )


if __name__ == "__main__":
    main()

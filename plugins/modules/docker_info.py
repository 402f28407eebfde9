#!/usr/bin/python
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Docker engine a host has, and what is in the way of one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_info
short_description: Says which Docker engine a host has, and what is in the way of one
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Looks at packages and files, and asks C(docker info) where there is an engine. Names what of other Dockers is there
    (snap's, Podman under Docker's name, what came before NVIDIA's container toolkit), why that matters, and the cure.
extends_documentation_fragment: mlinabox.core.read_only
options:
  source:
    description: Where an engine is to come from, Docker's own repository or the distribution's.
    type: str
    choices: [docker, distro]
    default: docker
  data_root:
    description: The folder in which the engine is to keep images, containers and volumes, empty for the one it has.
    type: str
    default: ""
  archive:
    description: The address of Docker's repository, which may stand in no other source of apt's.
    type: str
    default: ""
  root:
    description: Folder that is looked at as if it were C(/); another one is for tests.
    type: path
    default: /
  timeout:
    description: Seconds that each program may take.
    type: int
    default: 10
"""

EXAMPLES = r"""
- name: Look at the Docker engine
  mlinabox.core.docker_info:
  register: docker

- name: Show its version
  ansible.builtin.debug:
    msg: "{{ docker.engine.version or 'There is none.' }}"
"""

RETURN = r"""
engine:
  description:
    - The engine's C(package) (empty where it belongs to none), its C(version), empty where there is none, the path of
      its C(program), and its C(owner) - V(ours) where the role P(mlinabox.core.docker_gpu#role) brought it, V(docker),
      V(distro) or V(other).
  type: dict
  returned: success
  sample: {"package": "docker.io", "version": "26.1.5", "program": "/usr/sbin/dockerd", "owner": "ours"}
kind:
  description: What answers to the name docker - V(engine), V(snap), V(podman), or nothing (empty).
  type: str
  returned: success
  sample: engine
snap_too:
  description: Whether a snap's Docker is there besides.
  type: bool
  returned: success
  sample: false
podman:
  description: The file or package by which Podman answers to the name docker, or empty.
  type: str
  returned: success
  sample: ""
running:
  description: Whether the engine answers, null where it was not asked.
  type: bool
  returned: success
  sample: true
data_root:
  description: The folder in which the engine keeps what it holds.
  type: str
  returned: success
  sample: /var/lib/docker
holds:
  description: How many C(images), C(containers) and C(volumes) are in it.
  type: dict
  returned: success
  sample: {"images": 3, "containers": 1, "volumes": 0}
swarm:
  description: Whether the host is a node of a swarm.
  type: bool
  returned: success
  sample: false
toolkit:
  description: The packages of NVIDIA's container toolkit that are installed, with their versions.
  type: dict
  returned: success
  sample: {"nvidia-container-toolkit": "1.20.1-1"}
retired:
  description: What came before it and is installed, with versions.
  type: dict
  returned: success
  sample: {"nvidia-docker2": "2.6.0-1"}
cgroup_driver:
  description: V(systemd) or V(cgroupfs), as the engine says, or as it would choose.
  type: str
  returned: success
  sample: systemd
linked:
  description: Whether C(/dev/char) has links to NVIDIA's devices, or a udev rule makes them.
  type: bool
  returned: success
  sample: true
specs:
  description: NVIDIA's specifications of CDI, each with C(path) and the C(versions) of the driver that it names.
  type: list
  elements: dict
  returned: success
  sample: [{"path": "/var/run/cdi/nvidia.yaml", "versions": ["550.163.01"]}]
driver:
  description: The version of NVIDIA's kernel module, empty where it is not loaded.
  type: str
  returned: success
  sample: 550.163.01
findings:
  description:
    - What is worth a word, each with C(code), C(what), C(why), C(cure), and C(stops), whether an engine of this
      collection's cannot be beside it.
  type: list
  elements: dict
  returned: success
  sample:
    - code: snap
      what: Docker is installed as a snap
      why: "its engine is confined: it cannot use the host's NVIDIA runtime and reads another daemon.json"
      cure: save what it holds, then `snap remove docker`, which removes its images and volumes too
      stops: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlinabox.core.plugins.module_utils import _docker_host


def main():
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "str", "choices": ["docker", "distro"], "default": "docker"},
            "data_root": {"type": "str", "default": ""},
            "archive": {"type": "str", "default": ""},
            "root": {"type": "path", "default": "/"},
            "timeout": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    seen = _docker_host.look(module.params["root"], module.params["timeout"])
    findings = _docker_host.judge(seen, module.params["source"], module.params["data_root"], module.params["archive"])
    # Addresses of sources may hold passwords.
    del seen["sources"]
    module.exit_json(changed=False, findings=findings, **seen)


if __name__ == "__main__":
    main()

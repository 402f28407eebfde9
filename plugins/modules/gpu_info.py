#!/usr/bin/python
#
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds out what NVIDIA GPUs a host has, whether they can be used, and what is wrong where they cannot."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_info
short_description: Finds out what NVIDIA GPUs a host has, and what is wrong with them
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Looks at the PCI bus, NVIDIA's kernel module, its management library (NVML), C(nvidia-smi) where NVML does not
    answer, the driver's packages, the next boot and the NVLink fabric, and says what the host is and what is wrong
    with it.
  - Needs Python and its standard library only. A broken GPU, or none, is a result and not a failure.
  - NVML and programs are asked in processes of their own, side by side, each with O(timeout); one that hangs is
    killed, or left behind where it hangs in the kernel, and the others' answers are kept. RV(sources) says how each
    source did.
  - Where the kernel module is not loaded, neither NVML nor C(nvidia-smi) is asked, because asking would load it,
    unless O(sources=all).
  - Every key is always there. What is not known is C(""), C(null), C([]) or C({}).
extends_documentation_fragment: mlinabox.core.read_only
options:
  root:
    description:
      - Where the host's files lie. Another folder is for tests - programs and NVML are then those below it.
    type: path
    default: /
  timeout:
    description:
      - How long each source may take, in seconds. The whole look takes at most one and a half of it and a second.
      - Many GPUs without C(nvidia-persistenced) may want longer to wake up.
    type: float
    default: 5
  sources:
    description:
      - V(auto) asks what is needed. V(all) also asks C(nvidia-smi) where NVML answered, and both where the kernel
        module is not loaded.
    type: str
    choices: [auto, all]
    default: auto
"""

EXAMPLES = r"""
- name: Find out what the host is
  mlinabox.core.gpu_info:
  register: gpu

- name: Say it
  ansible.builtin.debug:
    msg: "{{ gpu.kind }}: {{ gpu.reason }} {{ gpu.cure }}"

- name: Stop where a GPU is lost
  ansible.builtin.fail:
    msg: "{{ item.text }} {{ item.cure }}"
  loop: "{{ gpu.findings | selectattr('code', 'equalto', 'gpu-lost') }}"
"""

RETURN = r"""
kind:
  description: V(gpu), V(cpu), or V(broken) when there is a GPU that cannot be used.
  type: str
  returned: always
  sample: cpu
layer:
  description:
    - The first broken layer of a box whose RV(kind) is V(broken), or empty.
  type: str
  returned: always
  sample: ""
reason:
  description: Why RV(kind) is what it is, in one sentence.
  type: str
  returned: always
  sample: There is no NVIDIA GPU on the PCI bus.
cure:
  description: What to do about a broken layer, in one sentence, or empty.
  type: str
  returned: always
  sample: ""
driver:
  description: NVIDIA's driver.
  type: dict
  returned: always
  contains:
    loaded:
      description: Whether the kernel module is loaded.
      type: bool
    version:
      description: Version of the loaded kernel module, else what NVML or C(nvidia-smi) says.
      type: str
    open:
      description: Whether it is the open kernel module.
      type: bool
    library:
      description: Version of C(libnvidia-ml) on the disk, by its file's name.
      type: str
    libraries_beside:
      description: Versions of further such files, which nothing loads.
      type: list
      elements: str
    nvml:
      description: Version that NVML says it is of.
      type: str
    branch:
      description: The driver's branch, such as V(535).
      type: str
    cuda:
      description:
        - The newest CUDA release that the driver supports, such as V(12.4), by NVML, else C(nvidia-smi), else
          NVIDIA's table.
      type: str
    packages:
      description:
        - The driver's Debian packages, with C(name), C(version), C(held), C(state) (dpkg's word) and C(origin) (who
          made it).
      type: list
      elements: dict
    runfile:
      description: Whether NVIDIA's C(.run) installer was used.
      type: bool
    device_files:
      description: Names of the driver's device files in C(/dev).
      type: list
      elements: str
    switched_off:
      description: The file that keeps the kernel module from being loaded, or empty.
      type: str
  sample:
    loaded: true
    version: 535.104.05
    open: false
    library: 535.104.05
    libraries_beside: []
    nvml: 535.104.05
    branch: "535"
    cuda: "12.2"
    packages:
      - {name: nvidia-driver-535, version: 535.104.05-0ubuntu1, held: true, state: installed, origin: NVIDIA}
    runfile: false
    device_files: [nvidia0, nvidiactl, nvidia-uvm]
    switched_off: ""
gpus:
  description: The GPUs, by PCI address.
  type: list
  elements: dict
  returned: always
  contains:
    index:
      description: NVML's index, which is that of C(nvidia-smi) and of CUDA with C(CUDA_DEVICE_ORDER=PCI_BUS_ID).
      type: int
    uuid:
      description: The GPU's UUID.
      type: str
    address:
      description: PCI address as sysfs writes it.
      type: str
    device:
      description: PCI device number.
      type: str
    class:
      description: PCI class, empty where the bus does not show the GPU.
      type: str
    driver:
      description: The kernel driver that has it, such as V(nvidia), V(nouveau) or V(vfio-pci).
      type: str
    name:
      description: The product's name.
      type: str
    memory:
      description: Memory in MiB.
      type: int
    compute_capability:
      description: As NVML says it, else by the PCI device number.
      type: str
    mig:
      description:
        - Whether MIG is C(enabled) and will be (C(pending)), and its C(instances) with C(uuid), C(profile) and
          C(memory) in MiB.
      type: dict
    ecc:
      description:
        - Whether ECC is C(enabled) and will be (C(pending)), errors since the driver was loaded (C(corrected),
          C(uncorrected)), and whether a C(repair) of the memory is V(pending) or V(failed).
      type: dict
    temperature:
      description: In degrees Celsius.
      type: int
    throttle:
      description:
        - Why its clocks are lower than they could be, in C(nvidia-smi)'s names, such as V(gpu_idle) or
          V(hw_thermal_slowdown).
      type: list
      elements: str
    processes:
      description: Processes that compute on it, with C(pid), C(name) and C(memory) in MiB.
      type: list
      elements: dict
    fabric:
      description:
        - V(completed), V(in progress), V(not started) or V(failed) with NVML's words, where it has an NVLink
          fabric.
      type: str
    inforom_corrupted:
      description: Whether C(nvidia-smi) says so.
      type: bool
    lost:
      description: Whether the driver lost it.
      type: bool
    code:
      description: NVML's return code about it, V(0) where all is well, C(null) where it said nothing.
      type: int
    error:
      description: What is wrong with it, in NVML's words, else in ours.
      type: str
  sample:
    - index: 0
      uuid: GPU-513536b6-7d19-9063-b049-1e69664bb298
      address: "0000:01:00.0"
      device: "0x20b2"
      class: "0x030200"
      driver: nvidia
      name: NVIDIA A100-SXM4-80GB
      memory: 81920
      compute_capability: "8.0"
      mig: {enabled: true, pending: true, instances: [{uuid: MIG-b2c3, profile: 1g.10gb, memory: 9728}]}
      ecc: {enabled: true, pending: true, corrected: 0, uncorrected: 0, repair: ""}
      temperature: 27
      throttle: [gpu_idle]
      processes: [{pid: 4711, name: python3, memory: 1024}]
      fabric: ""
      inforom_corrupted: false
      lost: false
      code: 0
      error: ""
nvswitches:
  description: How many NVSwitches are on the PCI bus.
  type: int
  returned: always
  sample: 0
fabric:
  description:
    - Whether the GPUs need the Fabric Manager (C(needed)), the driver's C(version) in its package, whether it is
      C(installed) and C(running) (C(null) where nobody knows), and its C(state), the worst of the GPUs' or
      systemd's word.
  type: dict
  returned: always
  sample: {"needed": false, "version": "", "installed": false, "running": null, "state": ""}
secure_boot:
  description: V(enabled), V(disabled) or V(unknown).
  type: str
  returned: always
  sample: disabled
reboot:
  description:
    - Whether a restart is C(pending), for which C(packages), and of the running and the next kernel (C(running_),
      C(next_)) the release (C(kernel)), whether it C(has_module) of NVIDIA's, whose version DKMS built
      (C(module_version)), whether that is signed (C(module_signed)) and whether its headers are there
      (C(has_headers)).
    - The next kernel is the newest on the disk. Where the running one is not on the disk, as in a container, the
      others are empty.
  type: dict
  returned: always
  sample:
    pending: true
    packages: [linux-image-6.1.0-18-amd64]
    running_kernel: 6.1.0-17-amd64
    running_has_module: true
    running_module_version: 535.104.05
    running_module_signed: null
    running_has_headers: true
    next_kernel: 6.1.0-18-amd64
    next_has_module: false
    next_module_version: ""
    next_module_signed: null
    next_has_headers: false
unattended_upgrades:
  description:
    - Whether they are C(enabled), whether their blacklist C(excludes_driver), and which of the driver's C(packages)
      they would upgrade.
  type: dict
  returned: always
  sample: {"enabled": true, "excludes_driver": false, "packages": ["nvidia-driver-535"]}
container:
  description: Whether the host is a container.
  type: bool
  returned: always
  sample: false
sources:
  description:
    - How each source did - C(pci), C(kernel), C(nvml), C(smi), C(packages), C(boot) and C(fabric), each with
      C(status) (V(ok), V(absent), V(failed), V(timeout) or V(skipped)), C(detail), C(seconds), C(code) (NVML's
      return code) and C(count) (of GPUs).
  type: dict
  returned: always
  sample:
    nvml: {status: failed, detail: Driver/library version mismatch, seconds: 0.012, code: 18, count: null}
findings:
  description:
    - What is wrong, in walking order, each with C(code) (stable), C(layer), C(severity) (V(broken), V(warning) or
      V(note)), C(text) and C(cure) (one sentence each), and C(fix), the name of a safe automatic cure or empty.
  type: list
  elements: dict
  returned: always
  sample:
    - code: driver-library-mismatch
      layer: library
      severity: broken
      text: >-
        The loaded kernel module is of driver 535.54.03, the library of 535.104.05: the driver was upgraded under the
        running one.
      cure: Restart the machine (`systemctl reboot`).
      fix: ""
"""

import signal

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_look


def main():
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": "/"},
            "timeout": {"type": "float", "default": 5},
            "sources": {"type": "str", "choices": ["auto", "all"], "default": "auto"},
        },
        supports_check_mode=True,
    )
    timeout = module.params["timeout"]
    if not 0 < timeout <= 600:
        module.fail_json(msg=f"timeout is {timeout:g}: give seconds, more than 0 and at most 600")
    # Inherited from some callers it would keep a child's end from us.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    found = _gpu_look.look(module.params["root"], timeout, module.params["sources"] == "all")
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()

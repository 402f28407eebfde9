# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which GPU runs the code that a wheel holds. No Ansible import.

What a wheel holds is a list of texts:
    8.0      machine code (SASS, a cubin) for compute capability 8.0; sm_80 in nvcc's words
    9.0a     machine code for the features of 9.0 alone; sm_90a
    8.0+PTX  PTX for 8.0, which a driver compiles for its GPU when the program starts; compute_80

The rules (CUDA C++ Programming Guide, "Binary Compatibility" and "PTX Compatibility"; NVIDIA's compatibility guides for
Ampere and Ada say the same with examples): machine code runs on GPUs of the same major and the same or a higher minor
number, never on a lower minor or another major one; code for a system on a chip and code for a card are not
exchanged. PTX is compiled for any GPU of the same or a higher number, by a driver that is at least of the CUDA
release that made it ("CUDA Compatibility", limits of minor-version compatibility). With an `a` at its end either runs
on just that GPU.
"""

from __future__ import annotations

import re

from ._gpu_tables import SYSTEMS_ON_A_CHIP, numbers

MACHINE, PTX, NONE = "machine", "ptx", ""

_ENTRY = re.compile(r"(\d+\.\d+)([af]?)(\+PTX)?\Z")


def parse(entry):
    """Return (compute capability, suffix '', 'a' or 'f', whether it is PTX) of such a text; ValueError of another."""
    match = _ENTRY.match(entry)
    if not match:
        raise ValueError(f"{entry!r} is no architecture; write 8.0, 9.0a or 8.0+PTX")
    return match.group(1), match.group(2), bool(match.group(3))


def runs(entries, capability):
    """Return how a GPU of a compute capability ('8.6') runs what a wheel holds: MACHINE, PTX or NONE."""
    ways = {_way(entry, capability) for entry in entries}
    return MACHINE if MACHINE in ways else PTX if PTX in ways else NONE


def _way(entry, capability):
    made_for, suffix, is_ptx = parse(entry)
    code, gpu = numbers(made_for), numbers(capability)
    if is_ptx:
        return PTX if (gpu == code if suffix == "a" else gpu >= code) else NONE
    if gpu == code:
        return MACHINE
    if suffix == "a" or made_for in SYSTEMS_ON_A_CHIP or capability in SYSTEMS_ON_A_CHIP:
        return NONE
    return MACHINE if gpu[:1] == code[:1] and gpu > code else NONE


def spelled(entries):
    """Return a list of texts as a sentence's part: 'machine code for 3.7, 5.0 and 7.0 and no PTX'."""
    machine = [entry for entry in entries if not parse(entry)[2]]
    ptx = [entry[: -len("+PTX")] for entry in entries if parse(entry)[2]]
    first = f"machine code for {listed(machine)}" if machine else "no machine code"
    return f"{first} and {'PTX for ' + listed(ptx) if ptx else 'no PTX'}"


def listed(words):
    """Return words as a sentence lists them: 'a, b and c'."""
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

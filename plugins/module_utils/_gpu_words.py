# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GPUs, drivers and lists in a sentence, and why a driver does not drive a GPU. Pure; no Ansible import."""

from __future__ import annotations

from ._gpu_tables import last_driver, numbers

_MOST_NAMED = 4
_OPEN_FROM = (7, 5)  # the open module is for Turing and newer (NVIDIA/open-gpu-kernel-modules, README)
_OPEN_ONLY_FROM = (10, 0)  # Blackwell has no other (the same)


def listed(words):
    """Return 'a', 'a and b', 'a, b and c'; of more than four the first four and how many more."""
    words = list(words)
    if len(words) > _MOST_NAMED:
        words = [*words[:_MOST_NAMED], f"{len(words) - _MOST_NAMED} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def named(gpus):
    """Return 'GPU 0000:01:00.0' or 'GPUs 0000:01:00.0 and 0000:02:00.0'; one without an address by its index."""
    places = [gpu["address"] or f"number {gpu['index']}" for gpu in gpus]
    return ("GPU " if len(places) == 1 else "GPUs ") + listed(places)


def on_the_bus(gpus):
    """Return how many there are, with their verb."""
    return "One NVIDIA GPU is" if len(gpus) == 1 else f"{len(gpus)} NVIDIA GPUs are"


def why_not_driven(gpu, driver):
    """Return (why, what to install instead) where a driver is of a kind that cannot drive a GPU; else ('', '').

    Which kind it is tells the loaded module, else the packages.
    """
    chip = numbers(gpu["compute_capability"])
    if not chip:
        return "", ""
    is_open = driver["open"] or any("-open" in package["name"] for package in driver["packages"])
    own = gpu["compute_capability"]
    number, last = driver["branch"], last_driver(own)
    if is_open and chip < _OPEN_FROM:
        kind = f"the open kernel module is for compute capability 7.5 and newer, not for {own}"
        return kind, f"Install the proprietary module{f', of branch {last} at the latest' if last else ''}"
    if last and number.isdigit() and int(number) > int(last):
        kind = f"R{last} is the last driver for compute capability {own}, and this one is R{number}"
        return kind, f"Install a driver of branch {last}"
    if chip >= _OPEN_ONLY_FROM and driver["loaded"] and not is_open:
        kind = f"only the open kernel module drives compute capability {own}"
        return kind, f"Install the open kernel module (nvidia-driver-{number}-open or nvidia-open)"
    return "", ""

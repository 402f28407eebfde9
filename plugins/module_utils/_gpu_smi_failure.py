# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nvidia-smi's failures mean. No Ansible import.

It says its errors on stdout, in words, and no XML then; its exit status is often NVML's code, and 255 for what it has
no number for: a mismatch ends with 255 in R470 and with 18 in R535 and R550. So the words count first. Recorded from
Debian's nvidia-smi 470.256.02, 535.309.01 and 550.163.01; how a GPU is named changed: `GPU 0000:0B:00.0` up to R470,
`GPU0000:CB:00.0` from R535 on, `GPU1: 0000:34:00.0` in R610, which then goes on and prints the rest.
"""

from __future__ import annotations

import re

from ._gpu_errors import (
    CORRUPTED_INFOROM,
    DRIVER_NOT_LOADED,
    GPU_NOT_FOUND,
    LIBRARY_NOT_FOUND,
    NOT_FOUND,
    UNKNOWN,
    WORDS,
    said_code,
    words,
)

_SENTENCES = (
    (re.compile(r"couldn't communicate with the NVIDIA driver", re.IGNORECASE), DRIVER_NOT_LOADED),
    (re.compile(r"couldn't find libnvidia-ml", re.IGNORECASE), LIBRARY_NOT_FOUND),
    (re.compile(r"No devices? (?:were )?found", re.IGNORECASE), GPU_NOT_FOUND),
)
_INITIALIZE = re.compile(r"Failed to initialize NVML: *(.+)", re.IGNORECASE)
_LIBRARY = re.compile(r"NVML library version: *(\d[\d.]+)")
_ADDRESS = r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"
_HANDLE = re.compile(
    rf"Unable to determine the device handle for GPU *"
    rf"(?:(?P<address>{_ADDRESS})|(?P<index>\d+)(?:: *(?P<second>{_ADDRESS}))?)(?:: *(?P<words>.*))?",
    re.IGNORECASE,
)
_INFOROM = re.compile(rf"infoROM is corrupted at gpu *({_ADDRESS})", re.IGNORECASE)
_BUS_ID = re.compile(r"([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", re.IGNORECASE)


def bus_address(text):
    """Return a PCI address as sysfs has it, 0000:0b:00.0, of one as nvidia-smi has it, 00000000:0B:00.0; else ''."""
    match = _BUS_ID.search(text)
    if not match:
        return ""
    domain, bus, device, function = match.groups()
    return f"{int(domain, 16):04x}:{bus}:{device}.{function}".lower()


def classify(status, text):
    """Return what went wrong, by nvidia-smi's exit status and its words.

    code: NVML's return code that it comes from, None where nothing went wrong; detail: its words, for people; nvml:
    the library's version, where it is named; gpus: a dict for each GPU that it names, with `index` or None, `address`
    or '', `code` and `error`; corrupted: addresses of those whose infoROM is.
    """
    found = {
        "code": None,
        "detail": "",
        "nvml": next(iter(_LIBRARY.findall(text)), ""),
        "gpus": [_named(match) for match in _HANDLE.finditer(text)],
        "corrupted": [bus_address(address) for address in _INFOROM.findall(text)],
    }
    initialize = _INITIALIZE.search(text)
    if initialize:
        found["code"] = said_code(initialize.group(1)) or UNKNOWN
        found["detail"] = initialize.group(0).strip()
        return found
    for pattern, code in _SENTENCES:
        if pattern.search(text):
            found["code"], found["detail"] = code, _line_of(pattern, text)
            return found
    if found["gpus"]:
        found["code"] = found["gpus"][0]["code"]
        found["detail"] = _line_of(_HANDLE, text)
    elif status == CORRUPTED_INFOROM and found["corrupted"]:
        found["code"], found["detail"] = CORRUPTED_INFOROM, _line_of(_INFOROM, text)
    elif status:
        found["code"] = _by_status(status)
        found["detail"] = next((line.strip() for line in text.splitlines() if line.strip()), words(found["code"]))
    return found


def _by_status(status):
    if status == NOT_FOUND:
        return GPU_NOT_FOUND  # the same words, in another language or another wording
    return status if status in WORDS else UNKNOWN


def _named(match):
    said = (match.group("words") or "").strip()
    return {
        "index": int(match.group("index")) if match.group("index") else None,
        "address": bus_address(match.group("address") or match.group("second") or ""),
        "code": said_code(said) or UNKNOWN,
        "error": said.split(".  ")[0].rstrip(".") or words(UNKNOWN),
    }


def _line_of(pattern, text):
    return next(line.strip() for line in text.splitlines() if pattern.search(line))

# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `nvidia-smi -q -x` says, of every driver generation from R418 to R610. No Ansible import.

What moved: no DOCTYPE and no MIG before R450; clocks_throttle_reasons became clocks_event_reasons in R535; the
uncorrected errors of the SRAM are two numbers from R550 on; Volta and older count ECC errors as single_bit and
double_bit. What is not known reads N/A, [N/A], Not Found, or a whole sentence. R610 renames the versions
(kmd_version); how its XML spells that is not recorded, so what is plausible is taken.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ._gpu_errors import GPU_IS_LOST, RESET_REQUIRED, SUCCESS, UNKNOWN, words
from ._gpu_smi_failure import bus_address

_GPU = re.compile(r"<gpu\b[^>]*>.*?</gpu>", re.DOTALL)
_PROCESS_NAME = re.compile(r"(<process_name>)(.*?)(</process_name>)", re.DOTALL)
_NO_XML_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NUMBER = re.compile(r"-?\d+")
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_DRIVER_TAGS = ("driver_version", "kmd_version", "kernel_mode_driver_version")
_CUDA_TAGS = ("cuda_version", "cuda_umd_version", "umd_cuda_version", "cuda_driver_version")
_REASONS = ("clocks_event_reasons", "clocks_throttle_reasons")
_REASON = re.compile(r"clocks_(?:event|throttle)_reason_(.+)")


def parse(text):
    """Return what the XML in a text says; None where there is none in it.

    driver: version; cuda: such as '12.4' or ''; count: of GPUs, or None; gpus: as _gpu_nvml_calls.read_gpu returns
    them, but for `index`, in nvidia-smi's order. A GPU whose part cannot be read is left out.
    """
    start = text.find("<nvidia_smi_log")
    if start < 0:
        return None
    text = text[start:]
    head = _GPU.sub("", text)
    return {
        "driver": _version(head, _DRIVER_TAGS),
        "cuda": _version(head, _CUDA_TAGS),
        "count": _number(_tag(head, "attached_gpus")),
        "gpus": [gpu for gpu in map(_gpu, _GPU.findall(text)) if gpu],
    }


def _gpu(text):
    element = _element(text)
    if element is None:
        return None
    code = _code(element)
    return {
        "index": None,
        "code": code,
        "error": "" if code == SUCCESS else words(code),
        "lost": code == GPU_IS_LOST,
        "address": bus_address(element.get("id", "")) or bus_address(_text(element, "pci/pci_bus_id")),
        "uuid": _known(element, "uuid"),
        "name": _known(element, "product_name"),
        "memory": _number(_text(element, "fb_memory_usage/total")),
        "compute_capability": "",
        "mig": _mig(element),
        "ecc": _ecc(element),
        "temperature": _number(_text(element, "temperature/gpu_temp")),
        "throttle": _throttle(element),
        "processes": _processes(element),
        "fabric": _fabric(element),
    }


def _element(text):
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError:
        pass
    # A process may call itself anything, and that is not always escaped.
    text = _NO_XML_CHARACTER.sub("?", _PROCESS_NAME.sub(lambda match: match.group(1) + match.group(3), text))
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None


def _code(element):
    said = {(leaf.text or "").strip(" []").lower() for leaf in element.iter()}
    for code in (GPU_IS_LOST, RESET_REQUIRED):
        if words(code).lower() in said:
            return code
    # A fan that cannot be read is no reason; what every GPU has is.
    vital = (_text(element, "temperature/gpu_temp"), _text(element, "fb_memory_usage/total"))
    return UNKNOWN if any(text.strip("[]") in ("Unknown Error", "ERR!") for text in vital) else SUCCESS


def _mig(element):
    parts = [
        {
            "uuid": _known(part, "uuid"),
            "profile": _known(part, "profile"),
            "memory": _number(_text(part, "fb_memory_usage/total")),
        }
        for part in element.findall("mig_devices/mig_device")
    ]
    return {
        "enabled": _switch(_text(element, "mig_mode/current_mig")),
        "pending": _switch(_text(element, "mig_mode/pending_mig")),
        "instances": parts,
    }


def _ecc(element):
    counts = element.find("ecc_errors/volatile")
    corrected, uncorrected = [], []
    for leaf in [] if counts is None else counts:
        if leaf.tag.endswith("_correctable"):
            corrected.append(_number(leaf.text))
        elif "_uncorrectable" in leaf.tag:
            uncorrected.append(_number(leaf.text))
        elif leaf.tag in ("single_bit", "double_bit"):
            kind = corrected if leaf.tag == "single_bit" else uncorrected
            kind.append(_number(_text(leaf, "total")))
    failed = _text(element, "remapped_rows/remapped_row_failure") == "Yes"
    waits = (
        "remapped_rows/remapped_row_pending",
        "retired_pages/pending_retirement",
        "retired_pages/pending_blacklist",
    )
    return {
        "enabled": _switch(_text(element, "ecc_mode/current_ecc")),
        "pending": _switch(_text(element, "ecc_mode/pending_ecc")),
        "corrected": _sum(corrected),
        "uncorrected": _sum(uncorrected),
        "repair": "failed" if failed else "pending" if any(_text(element, path) == "Yes" for path in waits) else "",
    }


def _throttle(element):
    reasons = next((found for found in map(element.find, _REASONS) if found is not None), [])
    active = [_REASON.fullmatch(reason.tag) for reason in reasons if (reason.text or "").strip() == "Active"]
    return [match.group(1) for match in active if match]


def _processes(element):
    """Those that compute, as NVML's call tells them: `C`, with graphics `C+G`, of MPS `M+C`."""
    found = []
    for one in element.findall("processes/process_info"):
        pid = _number(_text(one, "pid"))
        if pid is not None and "C" in _text(one, "type"):
            memory = _number(_text(one, "used_memory"))
            found.append({"pid": pid, "name": _known(one, "process_name"), "memory": memory})
    return found


def _fabric(element):
    state, status = _known(element, "fabric/state").lower(), _known(element, "fabric/status")
    return f"failed: {status}" if state == "completed" and status not in ("", "Success") else state


def _version(head, tags):
    for tag in tags:
        match = _VERSION.match(_tag(head, tag))
        if match:
            return match.group(0)
    return ""


def _tag(head, tag):
    match = re.search(rf"<{tag}>\s*(.*?)\s*</{tag}>", head, re.DOTALL)
    return match.group(1) if match else ""


def _text(element, path):
    return (element.findtext(path) or "").strip()


def _known(element, path):
    """The text, '' for what stands for nothing."""
    text = _text(element, path)
    if text.strip("[]") in ("N/A", "None", "Not Found", "Not Supported", "Unknown Error", "ERR!", "GPU is lost"):
        return ""
    return "" if text.startswith("Requested functionality") or text.startswith("Insufficient Permissions") else text


def _number(text):
    match = _NUMBER.match((text or "").strip())
    return int(match.group(0)) if match else None


def _sum(numbers):
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _switch(text):
    return {"Enabled": True, "Disabled": False}.get(text)

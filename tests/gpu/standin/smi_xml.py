# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`nvidia-smi -q -x` in the style of a driver's generation, as far as recordings of R418 to R580 show it; synthetic."""

from __future__ import annotations

from xml.sax.saxutils import escape

_REASONS = {
    "gpu_idle": 0x1,
    "applications_clocks_setting": 0x2,
    "sw_power_cap": 0x4,
    "hw_slowdown": 0x8,
    "hw_thermal_slowdown": 0x40,
    "hw_power_brake_slowdown": 0x80,
    "sync_boost": 0x10,
    "sw_thermal_slowdown": 0x20,
    "display_clocks_setting": 0x100,
}


def document(found, driver, cuda):
    """Return the XML. found: of nvml.devices; driver, cuda: versions."""
    style = int(driver.split(".")[0])
    dtd = 10 if style < 500 else 11 if style < 525 else 12 if style < 580 else 13
    lines = ['<?xml version="1.0" ?>']
    # R418's has none.
    lines += [f'<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v{dtd}.dtd">'] if style >= 435 else []
    rows = {"timestamp": "Sat Nov 21 12:00:00 2026", "driver_version": driver, "cuda_version": cuda}
    lines += ["<nvidia_smi_log>", *_elements({**rows, "attached_gpus": len(found)}, 1)]
    for gpu in found:
        lines.append(f'\t<gpu id="{_bus(gpu)}">')
        lines += _elements(_gpu(gpu, style), 2)
        lines.append("\t</gpu>\n")
    return "\n".join([*lines, "</nvidia_smi_log>", ""])


def _elements(values, depth):
    """Lines of nested dicts; a list is of (name, dict) pairs, so that names may repeat."""
    lines = []
    for name, value in values.items() if isinstance(values, dict) else values:
        tabs = "\t" * depth
        if isinstance(value, (dict, list)):
            lines += [f"{tabs}<{name}>", *_elements(value, depth + 1), f"{tabs}</{name}>"]
        else:
            lines.append(f"{tabs}<{name}>{escape(str(value))}</{name}>")
    return lines


def _bus(gpu):
    return f"0000{gpu['address'].upper()}"


def _gpu(gpu, style):
    domain, bus, rest = gpu["address"].split(":")
    values = {"product_name": gpu["name"], "product_brand": "NVIDIA" if style >= 470 else "GeForce"}
    values.update({"display_mode": "Disabled", "display_active": "Disabled", "persistence_mode": "Disabled"})
    mig = gpu.get("mig")
    if style >= 450:
        values["mig_mode"] = {"current_mig": _state(mig, "current", 0), "pending_mig": _state(mig, "pending", 0)}
        values["mig_devices"] = [("mig_device", _part(*pair)) for pair in enumerate(_parts(mig))] or "None"
    values.update(
        {"serial": "N/A", "uuid": gpu["uuid"], "minor_number": gpu["index"], "vbios_version": "94.02.5c.00.04"}
    )
    if style >= 515:
        values["gsp_firmware_version"] = gpu.get("firmware", "N/A")
    pci = {"pci_bus": bus.upper(), "pci_device": rest[:2].upper(), "pci_domain": domain.upper()}
    pci.update(
        {"pci_device_id": f"{gpu['device'].upper()}10DE", "pci_bus_id": _bus(gpu), "pci_sub_system_id": "000010DE"}
    )
    values.update({"pci": pci, "performance_state": "P0", **_reasons(gpu.get("throttle", 0), style)})
    values["fb_memory_usage"] = _memory(gpu, style)
    values["compute_mode"] = "Default"
    busy = "N/A" if mig and mig.get("current") else "0 %"
    values["utilization"] = {"gpu_util": busy, "memory_util": busy}
    values.update(_ecc(gpu.get("ecc"), style))
    if style >= 450:
        has_rows = float(gpu["capability"]) >= 8 and not (mig and mig.get("current"))
        rows = {
            "remapped_row_corr": "0",
            "remapped_row_unc": "0",
            "remapped_row_pending": "No",
            "remapped_row_failure": "No",
        }
        values["remapped_rows"] = rows if has_rows else "N/A"
    degrees = f"{gpu['temperature']} C" if "temperature" in gpu else "N/A"
    values["temperature"] = {"gpu_temp": degrees, **({"gpu_temp_max_threshold": "92 C"} if style < 580 else {})}
    values.update(_power(style))
    if style >= 535:
        state = {1: "Not Started", 2: "In Progress", 3: "Completed"}.get(gpu.get("fabric", {}).get("state"), "N/A")
        values["fabric"] = {"state": state, "status": "Success" if state == "Completed" else "N/A"}
    values["processes"] = [("process_info", _process(row)) for row in gpu.get("processes", ())]
    return values


def _state(row, key, default):
    return "N/A" if row is None else "Enabled" if row.get(key, default) else "Disabled"


def _parts(mig):
    return (mig or {}).get("instances", ())


def _part(number, part):
    """No UUID and no profile stand in it: those only -L tells."""
    slices = int(part["profile"].split("g.")[0])
    memory = {"total": f"{part['memory']} MiB", "used": f"{part['used']} MiB"}
    return {
        "index": number,
        "gpu_instance_id": part["gpu_instance"],
        "compute_instance_id": part["compute_instance"],
        "device_attributes": {"shared": {"multiprocessor_count": 14 * slices}},
        "fb_memory_usage": {**memory, "free": f"{part['memory'] - part['used']} MiB"},
    }


def _reasons(bits, style):
    name = "clocks_event_reasons" if style >= 535 else "clocks_throttle_reasons"
    rows = {f"{name[:-1]}_{key}": "Active" if bits & bit else "Not Active" for key, bit in _REASONS.items()}
    return {name: rows}


def _memory(gpu, style):
    rows = {"total": f"{gpu['memory']} MiB"}
    if style >= 510:
        rows["reserved"] = "0 MiB"
    return {**rows, "used": f"{gpu['used']} MiB", "free": f"{gpu['memory'] - gpu['used']} MiB"}


def _ecc(ecc, style):
    on = ecc is not None and ecc.get("current", 1)
    mode = {"current_ecc": _state(ecc, "current", 1), "pending_ecc": _state(ecc, "pending", 1)}
    corrected, uncorrected = (ecc.get("corrected", 0), ecc.get("uncorrected", 0)) if on else ("N/A", "N/A")
    none = 0 if on else "N/A"
    if style >= 545:
        counts = {"sram_correctable": none, "sram_uncorrectable_parity": none, "sram_uncorrectable_secded": none}
    else:
        counts = {"sram_correctable": none, "sram_uncorrectable": none}
    counts.update({"dram_correctable": corrected, "dram_uncorrectable": uncorrected})
    return {"ecc_mode": mode, "ecc_errors": {"volatile": counts, "aggregate": counts}}


def _power(style):
    if style >= 570:
        return {
            "gpu_power_readings": {"power_state": "P0", "average_power_draw": "N/A", "instant_power_draw": "25.00 W"}
        }
    name = "gpu_power_readings" if style >= 535 else "power_readings"
    return {name: {"power_state": "P0", "power_draw": "25.00 W"}}


def _process(row):
    return {"pid": row["pid"], "type": "C", "process_name": row["name"], "used_memory": f"{row['memory']} MiB"}

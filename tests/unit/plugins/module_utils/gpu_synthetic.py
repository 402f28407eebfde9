# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SYNTHETIC output of nvidia-smi: made for these tests in the manner of each driver generation, recorded nowhere.

What was recorded lies elsewhere (MLINABOX_SAMPLES). A generation in NOT_RECORDED was made without a recording of it,
from what its neighbours and NVIDIA's documentation say.
"""

from __future__ import annotations

#: Driver of each generation, and the CUDA release that it says it supports.
GENERATIONS = {
    418: ("418.43", "10.1"),
    435: ("435.21", "10.1"),
    470: ("470.256.02", "11.4"),
    515: ("515.105.01", "11.7"),
    525: ("525.125.06", "12.0"),
    535: ("535.54.03", "12.2"),
    550: ("550.90.07", "12.4"),
    570: ("570.148.08", "12.8"),
    580: ("580.65.06", "13.0"),
    590: ("590.48.01", "13.1"),
    595: ("595.58.03", "13.2"),
    610: ("610.43.02", "13.3"),
}
NOT_RECORDED = (435, 525, 580, 590, 595, 610)


def document(generation, **wanted):
    """Return `nvidia-smi -q -x` of a host with one A100, or what `wanted` makes of it.

    wanted: head (instead of the tags of the versions), bus_id, temperature, memory, mig (list of memory texts of
    instances, None for MIG switched off), volta (ECC as up to Volta), processes (XML), throttle (name of an active
    reason), remap_failure, fabric (text).
    """
    driver, cuda = GENERATIONS[generation]
    versions = f"<driver_version>{driver}</driver_version><cuda_version>{cuda}</cuda_version>"
    head = wanted.get("head", versions)
    doctype = f'<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v{_dtd(generation)}.dtd">\n' if generation >= 435 else ""
    return (
        f'<?xml version="1.0" ?>\n{doctype}<nvidia_smi_log>\n\t<timestamp>Sat Nov 21 12:00:00 2026</timestamp>\n'
        f"\t{head}\n\t<attached_gpus>1</attached_gpus>\n{_gpu(generation, wanted)}\n</nvidia_smi_log>\n"
    )


def _dtd(generation):
    return 10 if generation < 470 else 11 if generation < 525 else 12 if generation < 580 else 13


def _gpu(generation, wanted):
    bus_id = wanted.get("bus_id", "00000000:06:00.0")
    word = "throttle" if generation < 535 else "event"
    mig = wanted.get("mig")
    parts = (
        "None"
        if not mig
        else "".join(
            f"<mig_device><index>{number}</index><fb_memory_usage><total>{memory}</total></fb_memory_usage></mig_device>"
            for number, memory in enumerate(mig)
        )
    )
    mode = "Disabled" if mig is None else "Enabled"
    switch = f"<mig_mode><current_mig>{mode}</current_mig><pending_mig>{mode}</pending_mig></mig_mode>"
    reason = f"clocks_{word}_reason"
    active = f"{reason}_{wanted.get('throttle', 'sw_power_cap')}"
    status = "Success" if "fabric" in wanted else "N/A"
    return f"""\t<gpu id="{bus_id}">
\t\t<product_name>NVIDIA A100-SXM4-40GB</product_name>
\t\t<display_mode>{"Enabled" if generation < 570 else "Requested functionality has been deprecated"}</display_mode>
\t\t{switch if generation > 435 else ""}
\t\t{f"<mig_devices>{parts}</mig_devices>" if generation > 435 else ""}
\t\t<serial>[N/A]</serial>
\t\t<uuid>GPU-00000000-0000-0000-0000-000000000001</uuid>
\t\t<pci><pci_bus_id>{bus_id}</pci_bus_id></pci>
\t\t<fan_speed>Unknown Error</fan_speed>
\t\t<{reason}s>
\t\t\t<{reason}_gpu_idle>Not Active</{reason}_gpu_idle>
\t\t\t<{active}>Active</{active}>
\t\t</{reason}s>
\t\t<fb_memory_usage><total>{wanted.get("memory", "40960 MiB")}</total><used>0 MiB</used></fb_memory_usage>
\t\t<utilization><gpu_util>[N/A]</gpu_util></utilization>
\t\t<ecc_mode><current_ecc>Enabled</current_ecc><pending_ecc>Disabled</pending_ecc></ecc_mode>
\t\t<ecc_errors><volatile>{_ecc(generation, wanted)}</volatile></ecc_errors>
\t\t<remapped_rows>
\t\t\t<remapped_row_pending>No</remapped_row_pending>
\t\t\t<remapped_row_failure>{wanted.get("remap_failure", "No")}</remapped_row_failure>
\t\t</remapped_rows>
\t\t<temperature><gpu_temp>{wanted.get("temperature", "33 C")}</gpu_temp></temperature>
\t\t{_power(generation)}
\t\t<fabric><state>{wanted.get("fabric", "N/A")}</state><status>{status}</status></fabric>
\t\t<processes>{wanted.get("processes", "")}</processes>
\t</gpu>"""


def _ecc(generation, wanted):
    if wanted.get("volta"):
        return (
            "<single_bit><device_memory>3</device_memory><total>3</total></single_bit>"
            "<double_bit><device_memory>1</device_memory><total>1</total></double_bit>"
        )
    uncorrected = "<sram_uncorrectable>0</sram_uncorrectable>"
    if generation >= 550:
        uncorrected = (
            "<sram_uncorrectable_parity>0</sram_uncorrectable_parity>"
            "<sram_uncorrectable_secded>N/A</sram_uncorrectable_secded>"
        )
    return (
        f"<sram_correctable>2</sram_correctable>{uncorrected}"
        "<dram_correctable>1</dram_correctable><dram_uncorrectable>1</dram_uncorrectable>"
    )


def _power(generation):
    if generation < 535:
        return "<power_readings><power_draw>49.68 W</power_draw></power_readings>"
    if generation < 570:
        return "<gpu_power_readings><power_draw>49.68 W</power_draw></gpu_power_readings>"
    return (
        "<gpu_power_readings><average_power_draw>N/A</average_power_draw>"
        "<instant_power_draw>49.68 W</instant_power_draw></gpu_power_readings>"
    )


LISTING = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-00000000-0000-0000-0000-000000000001)
  MIG 3g.20gb     Device  0: (UUID: MIG-11111111-0000-0000-0000-000000000000)
  MIG 1g.5gb      Device  1: (UUID: MIG-22222222-0000-0000-0000-000000000000)
"""
# R450 to R460 name them after the GPU.
OLD_LISTING = """GPU 0: A100-SXM4-40GB (UUID: GPU-00000000-0000-0000-0000-000000000001)
  MIG 3g.20gb Device 0: (UUID: MIG-GPU-00000000-0000-0000-0000-000000000001/2/0)
  MIG 1g.5gb Device 1: (UUID: MIG-GPU-00000000-0000-0000-0000-000000000001/9/0)
"""

# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for nvidia-smi: a script of the shell that says what the host's GPUs are in the style of their driver.

The styles are those of recordings of R418 to R580 that lie elsewhere; what stands here is written anew, and synthetic.
"""

from __future__ import annotations

import shlex

from . import smi_xml
from .hardware import gpu_uuid
from .nvml import branch, devices
from .scripts import HANG, say, script


def put(tree, scenario):
    """Where the host has NVML and no program of this name is told of: one made of the same values."""
    if "nvml" in scenario and "nvidia-smi" not in scenario.get("programs", {}):
        tree.write("/usr/bin/nvidia-smi", program(scenario), 0o755)


def program(scenario):
    """Return the script."""
    nvml = scenario["nvml"]
    if nvml.get("hangs"):
        return script(HANG)
    found = devices(scenario)
    driver, cuda = str(nvml["library"]), cuda_text(nvml)
    fields = _fields(found, driver)
    cases = "".join(
        f"{shlex.quote(field)}) title={shlex.quote(title)} values={shlex.quote(' '.join(map(_word, values)))};;\n"
        for field, (title, values) in fields.items()
    )
    return script(
        _SCRIPT.format(
            count=len(found),
            cases=cases,
            list=say(listing(found)),
            xml=say(smi_xml.document(found, driver, cuda)),
            text=say(log(found, driver, cuda)),
            table=say(table(found, driver, cuda)),
            version=say(_versions(driver, cuda)) if branch(driver) >= 550 else say("Invalid combination\n", "", 2),
        )
    )


def cuda_text(nvml):
    """12020 -> 12.2, as nvidia-smi says it; `Not Found` where the driver does not tell."""
    number = nvml.get("cuda")
    return f"{number // 1000}.{number % 1000 // 10}" if number else "Not Found"


def listing(found):
    """What -L prints."""
    lines = [] if found else ["No devices found."]
    for gpu in found:
        lines.append(f"GPU {gpu['index']}: {gpu['name']} (UUID: {gpu['uuid']})")
        for number, part in enumerate(gpu.get("mig", {}).get("instances", ())):
            name = f"MIG {part['profile']}"
            lines.append(f"  {name:14} Device  {number}: (UUID: {gpu_uuid(gpu['address'], number)})")
    return "\n".join([*lines, ""])


def _word(value):
    """A value without a blank, as the script takes it."""
    return str(value).replace(" ", "\x01")


def _fields(found, driver):
    """{field: (title in the header, a value for each GPU)}; values with a unit as MIB, `-` for what there is not."""
    na = "[N/A]"

    def each(tell):
        return [tell(gpu) for gpu in found]

    bus = each(lambda gpu: f"0000{gpu['address'].upper()}")
    ecc = each(lambda gpu: gpu.get("ecc"))
    mig = each(lambda gpu: gpu.get("mig"))
    fields = {
        "count": ("count", each(lambda _gpu: len(found))),
        "index": ("index", each(lambda gpu: gpu["index"])),
        "name": ("name", each(lambda gpu: gpu["name"])),
        "gpu_name": ("name", each(lambda gpu: gpu["name"])),
        "uuid": ("uuid", each(lambda gpu: gpu["uuid"])),
        "gpu_uuid": ("uuid", each(lambda gpu: gpu["uuid"])),
        "pci.bus_id": ("pci.bus_id", bus),
        "gpu_bus_id": ("pci.bus_id", bus),
        "driver_version": ("driver_version", [driver] * len(found)),
        "memory.total": ("memory.total [MiB]", each(lambda gpu: f"{gpu['memory']} MiB")),
        "memory.used": ("memory.used [MiB]", each(lambda gpu: f"{gpu['used']} MiB")),
        "memory.free": ("memory.free [MiB]", each(lambda gpu: f"{gpu['memory'] - gpu['used']} MiB")),
        "temperature.gpu": ("temperature.gpu", each(lambda gpu: gpu.get("temperature", na))),
        "ecc.mode.current": ("ecc.mode.current", [_state(row, "current", 1) for row in ecc]),
        "ecc.mode.pending": ("ecc.mode.pending", [_state(row, "pending", 1) for row in ecc]),
        "utilization.gpu": (
            "utilization.gpu [%]",
            each(lambda gpu: na if gpu.get("mig", {}).get("current") else "0 %"),
        ),
    }
    if branch(driver) >= 450:
        fields["mig.mode.current"] = ("mig.mode.current", [_state(row, "current", 0) for row in mig])
        fields["mig.mode.pending"] = ("mig.mode.pending", [_state(row, "pending", 0) for row in mig])
    if branch(driver) >= 510:
        fields["compute_cap"] = ("compute_cap", each(lambda gpu: gpu["capability"]))
    if branch(driver) >= 610:
        fields["kmd_version"] = ("kmd_version", [driver] * len(found))
    return fields


def _state(row, key, default):
    return "[N/A]" if row is None else "Enabled" if row.get(key, default) else "Disabled"


def _versions(driver, cuda):
    kmd = "KMD   " if branch(driver) >= 610 else "DRIVER"
    rows = [
        ("NVIDIA-SMI version", driver),
        ("NVML version", driver),
        (f"{kmd} version", driver),
        ("CUDA Version", cuda),
    ]
    return "".join(f"{key:20}: {value}\n" for key, value in rows)


def log(found, driver, cuda):
    """What -q prints, in short."""
    names = ("Driver Version", "CUDA Version")
    if branch(driver) >= 610:
        driver += " [Deprecated; will be removed in CUDA 14.0. Use KMD Version instead]"
    rows = [(names[0], driver), (names[1], cuda), ("Attached GPUs", len(found))]
    text = "\n==============NVSMI LOG==============\n\n" + "".join(f"{key:42}: {value}\n" for key, value in rows)
    for gpu in found:
        text += f"GPU 0000{gpu['address'].upper()}\n"
        for key, value in (("Product Name", gpu["name"]), ("GPU UUID", gpu["uuid"])):
            text += f"    {key:38}: {value}\n"
    return text


def table(found, driver, cuda):
    """What nvidia-smi prints without an argument: 79 columns until R530, 91 from R535 on."""
    widths = (39, 24, 22) if branch(driver) >= 535 else (31, 22, 22)
    whole = sum(widths) + 4 + (2 if branch(driver) >= 535 else 0)
    widths = (widths[0] + 2, *widths[1:]) if branch(driver) >= 535 else widths
    names = ("KMD Version", "CUDA UMD Version") if branch(driver) >= 610 else ("Driver Version", "CUDA Version")
    head = (
        f" NVIDIA-SMI {driver:22}{names[0]}: {driver:15}{names[1]}: {cuda:8}"
        if whole > 80
        else (f" NVIDIA-SMI {driver:13}{names[0]}: {driver:13}{names[1]}: {cuda:9}")
    )
    rule = "+" + "+".join("-" * width for width in widths) + "+"
    lines = ["Sat Nov 21 12:00:00 2026       ", f"+{'-' * (whole - 2)}+", f"|{head:{whole - 2}}|", rule]
    for gpu in found:
        bus = f"0000{gpu['address'].upper()}"
        ecc = gpu.get("ecc")
        name = f"   {gpu['index']}  {gpu['name'][: widths[0] - 12]:{widths[0] - 11}}Off "
        warm = f" N/A  {gpu.get('temperature', 'N/A')!s:>3}C    P0    25W / 300W"
        memory = f"{gpu['used']:>7}MiB /{gpu['memory']:>6}MiB "
        cells = [(name, f" {bus} Off ", f"{_ecc(ecc):>20}  "), (warm, memory, "      0%      Default ")]
        lines += ["|" + "|".join(f"{cell[:width]:{width}}" for cell, width in zip(row, widths)) + "|" for row in cells]
        lines.append(rule)
    return "\n".join([*lines, ""])


def _ecc(ecc):
    return "N/A" if ecc is None else str(ecc.get("uncorrected", 0)) if ecc.get("current", 1) else "Off"


_SCRIPT = """\
query= fields= header=1 units=1 csv= mode=
for word in "$@"; do
    case "$word" in
        -L | --list-gpus) mode=list;;
        -q | --query) [ "$mode" = xml ] || mode=text;;
        -x | --xml-format) mode=xml;;
        --version) mode=version;;
        --query-gpu=*) fields=${{word#--query-gpu=}} mode=fields;;
        --format=*)
            csv=1
            case ",${{word#--format=}}," in *,noheader,*) header=;; esac
            case ",${{word#--format=}}," in *,nounits,*) units=;; esac;;
        -h | --help) echo "NVIDIA System Management Interface"; exit 0;;
        *) echo "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help."; exit 2;;
    esac
done
column() {{
    title= values=
    case "$1" in
{cases}*)
        echo "Field \\"$1\\" is not a valid field to query."
        echo
        exit 2;;
    esac
}}
case "$mode" in
    list) {list};;
    version) {version};;
esac
[ {count} -gt 0 ] || {{ echo "No devices were found"; exit 6; }}
case "$mode" in
    xml) {xml};;
    text) {text};;
    fields)
        [ -n "$csv" ] || {{ echo '"--format=" switch is missing.'; exit 2; }}
        line=
        IFS=,
        for field in $fields; do
            IFS=' '
            field=$(echo $field)
            column "$field" || exit 2
            [ -n "$title" ] || {{ column "$field"; exit 2; }}
            [ -n "$units" ] || title=${{title% \\[*}}
            line="$line${{line:+, }}$title"
            IFS=,
        done
        [ -z "$header" ] || echo "$line"
        number=0
        while [ $number -lt {count} ]; do
            line=
            for field in $fields; do
                IFS=' '
                column $field
                set -- $values
                shift $number
                value=$(printf %s "$1" | tr '\\001' ' ')
                [ -n "$units" ] || case "$value" in *' MiB') value=${{value% MiB}};; *' %') value=${{value% %}};; esac
                line="$line${{line:+, }}$value"
                IFS=,
            done
            echo "$line"
            number=$((number + 1))
        done
        exit 0;;
esac
{table}
"""

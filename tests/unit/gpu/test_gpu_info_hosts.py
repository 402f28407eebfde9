# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gpu_info says of each host of tests/gpu: what it is, what is wrong, and all that the scenario tells of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_look

yaml = pytest.importorskip("yaml")

SCENARIOS = Path(__file__).resolve().parents[2] / "gpu" / "scenarios"
GPU, CPU, BROKEN = "gpu", "cpu", "broken"

#: host -> kind, layer, codes of what is found.
HOSTS = {
    "a100-cut-into-instances": (GPU, "", []),
    "a4000-with-containers": (GPU, "", []),
    "adapter-does-not-initialize": (BROKEN, "gpu", ["gpu-not-initialized"]),
    "archive-key-of-before-2022": (GPU, "", []),
    "card-passed-to-a-virtual-machine": (BROKEN, "nouveau", ["gpu-passed-through"]),
    "container-after-daemon-reload": (BROKEN, "access", ["access-lost"]),
    "container-toolkit-half-upgraded": (GPU, "", []),
    "container-without-cgroup-rules": (BROKEN, "access", ["access-blocked"]),
    "cuda-10-wheel-on-a100": (GPU, "", []),
    "cuda-124-wheel-on-rtx5090": (GPU, "", []),
    "device-files-for-one-group": (BROKEN, "access", ["access-denied"]),
    "docker-from-a-snap": (GPU, "", []),
    "docker-knows-no-nvidia": (GPU, "", []),
    "driver-out-of-two-archives": (GPU, "", ["driver-origins-mixed"]),
    "driver-upgraded-and-not-restarted": (
        BROKEN,
        "library",
        ["driver-library-mismatch", "driver-reboot-pending", "driver-upgrades-itself"],
    ),
    "eight-h100-with-nvswitches-r550": (GPU, "", []),
    "everything-hangs": (BROKEN, "access", ["driver-hangs"]),
    "fabricmanager-of-another-patch": (BROKEN, "fabric", ["fabricmanager-version"]),
    "gpu-fell-off-the-bus": (BROKEN, "gpu", ["gpu-lost"]),
    "gtx-1660-ti-r418": (GPU, "", []),
    "headers-of-another-kernel": (BROKEN, "kernel module", ["module-missing-no-headers"]),
    "hgx-without-fabricmanager": (BROKEN, "fabric", ["fabricmanager-missing"]),
    "kernel-upgraded-after-runfile": (BROKEN, "kernel module", ["module-missing-no-headers"]),
    "libcudnn-that-is-libcuda": (GPU, "", []),
    "library-that-crashes": (GPU, "", ["nvml-unanswered"]),
    "library-upgraded-under-r460": (BROKEN, "library", ["driver-library-mismatch", "driver-upgrades-itself"]),
    "management-library-gone": (BROKEN, "library", ["library-missing"]),
    "next-kernel-has-no-module": (GPU, "", ["next-kernel-without-headers", "reboot-pending"]),
    "no-gpu-at-all": (CPU, "", []),
    "nouveau-has-the-card": (BROKEN, "nouveau", ["nouveau-bound"]),
    "old-cudnn-on-ld-library-path": (GPU, "", []),
    "one-a100-r535": (GPU, "", ["reboot-pending"]),
    "open-module-older-than-library-r570": (BROKEN, "library", ["driver-library-mismatch"]),
    "r470-under-cuda-12": (GPU, "", []),
    "rtx5090-r610": (GPU, "", ["gpu-slowed-down"]),
    "secure-boot-and-an-unsigned-module": (BROKEN, "kernel module", ["module-refused-by-secure-boot"]),
    "systemd-cgroups-without-char-links": (GPU, "", []),
    "tensorflow-beside-its-libraries": (GPU, "", []),
    "tensorflow-without-its-libraries": (GPU, "", []),
    "trixie-with-the-archive-of-jammy": (GPU, "", []),
    "volta-and-the-open-module": (BROKEN, "kernel module", ["gpu-not-driven"]),
}


def scenario(name):
    return yaml.safe_load((SCENARIOS / f"{name}.yml").read_text(encoding="utf-8"))


def opens(told):
    """Whether NVML answers on a host."""
    nvml = told.get("nvml", {})
    return bool(nvml) and not any(nvml.get(key) for key in ("returns", "hangs", "crashes"))


def shape(value):
    """The keys of nested dicts; of lists those of the first entry."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items()}
    return None


def test_the_table_has_every_host():
    assert sorted(HOSTS) == sorted(path.stem for path in SCENARIOS.glob("*.yml"))


@pytest.mark.parametrize("name", HOSTS)
def test_what_it_is_and_what_is_wrong(hosts, name):
    root = hosts(name)
    started = time.monotonic()
    # A generous second, where the tests of other processors run beside it; what hangs does not answer in any.
    found = _gpu_look.look(root, 0.7 if name == "everything-hangs" else 5.0)
    took = time.monotonic() - started
    assert (found["kind"], found["layer"], [one["code"] for one in found["findings"]]) == HOSTS[name]
    assert bool(found["reason"]) and bool(found["cure"]) == (found["kind"] == BROKEN)
    assert took < 3.5
    compare(scenario(name), found)


def compare(told, found):
    """Hold the structure against what the scenario tells."""
    modules = told.get("modules", {})
    assert found["driver"]["loaded"] == ("nvidia" in modules)
    if "nvidia" in modules:
        assert found["driver"]["version"] == modules["nvidia"]
        assert found["driver"]["branch"] == modules["nvidia"].split(".")[0]
        assert found["driver"]["open"] == ("Open Kernel" in told["files"]["/proc/driver/nvidia/version"])
    assert found["driver"]["library"] == told.get("nvml", {}).get("library", "")
    packages = {one["name"]: one["version"] for one in found["driver"]["packages"]}
    rows = [row.split() for row in told.get("packages", ())]
    driver = {name: version for state, name, version in rows if name.startswith("nvidia-driver") and state != "rc"}
    assert driver.items() <= packages.items()
    held = {name for state, name, _version in rows if state == "hi" and name in packages}
    assert {one["name"] for one in found["driver"]["packages"] if one["held"]} == held
    assert found["nvswitches"] == len(told.get("switches", {}).get("at", ()))
    assert found["secure_boot"] == {True: "enabled", False: "disabled", None: "unknown"}[told.get("secure_boot")]
    assert found["reboot"]["pending"] == ("/run/reboot-required" in told.get("files", {}))
    assert found["reboot"]["running_kernel"] == told["kernel"]
    addresses = sorted(address for row in told.get("gpus", ()) for address in row["at"])
    assert [gpu["address"] for gpu in found["gpus"]] == addresses
    if opens(told) and modules.get("nvidia"):
        compare_gpus(told, found)


def compare_gpus(told, found):
    cuda = told["nvml"]["cuda"]
    assert found["driver"]["cuda"] == f"{cuda // 1000}.{cuda % 1000 // 10}"
    rows = {address: row for row in told["gpus"] for address in row["at"]}
    answers = [gpu for gpu in found["gpus"] if rows[gpu["address"]].get("nvml", True)]
    for index, gpu in enumerate(answers):
        row = rows[gpu["address"]]
        assert (gpu["device"], gpu["class"]) == (f"0x{row['device']}", f"0x{row.get('class', '030200')}")
        assert gpu["lost"] == ("returns" in row)
        if gpu["lost"]:
            continue
        assert gpu["index"] == index and not gpu["error"]
        assert (gpu["name"], gpu["memory"]) == (row["name"], row["memory"])
        assert (gpu["compute_capability"], gpu["temperature"]) == (row["capability"], row.get("temperature"))
        assert gpu["uuid"].startswith("GPU-")
        ecc = {"current": 1, "corrected": 0, "uncorrected": 0, **row["ecc"]} if "ecc" in row else None
        assert gpu["ecc"]["enabled"] == (None if ecc is None else bool(ecc["current"]))
        counts = (ecc["corrected"], ecc["uncorrected"]) if ecc and ecc["current"] else (None, None)
        assert (gpu["ecc"]["corrected"], gpu["ecc"]["uncorrected"]) == counts
        mig = row.get("mig")
        assert gpu["mig"]["enabled"] == (None if mig is None else bool(mig.get("current")))
        parts = [(part["profile"], part["memory"]) for part in (mig or {}).get("instances", ())]
        assert [(part["profile"], part["memory"]) for part in gpu["mig"]["instances"]] == parts
        processes = [(one["pid"], one["name"], one["memory"]) for one in row.get("processes", ())]
        assert [(one["pid"], one["name"], one["memory"]) for one in gpu["processes"]] == processes


def test_every_key_is_always_there(hosts):
    names = ("no-gpu-at-all", "one-a100-r535", "everything-hangs", "management-library-gone", "nouveau-has-the-card")
    found = [_gpu_look.look(hosts(name), 0.7) for name in names]
    assert all(shape(one) == shape(found[0]) for one in found)
    gpus = [gpu for one in found for gpu in one["gpus"]]
    assert len(gpus) == 4 and all(shape(gpu) == shape(gpus[0]) for gpu in gpus)


@pytest.mark.parametrize(
    "name", ["gtx-1660-ti-r418", "a4000-with-containers", "a100-cut-into-instances", "rtx5090-r610"]
)
def test_nvidia_smi_says_what_nvml_says(hosts, name):
    """The second source, of each generation: with NVML gone the structure is the same, but for what only NVML tells."""
    root = hosts(name)
    first = _gpu_look.look(root, 5.0)
    libraries = list(Path(root, "usr/lib").rglob("libnvidia-ml.so*"))
    for library in libraries:
        library.rename(library.with_name(f"aside-{library.name}"))
    try:
        second = _gpu_look.look(root, 5.0)
    finally:
        for library in libraries:
            library.with_name(f"aside-{library.name}").rename(library)
    assert (second["sources"]["nvml"]["status"], second["sources"]["smi"]["status"]) == ("absent", "ok")
    for one, other in zip(first["gpus"], second["gpus"]):
        for key in ("index", "uuid", "address", "name", "memory", "temperature", "processes", "compute_capability"):
            assert other[key] == one[key], key
        assert sorted(other["throttle"]) == sorted(one["throttle"])
        assert other["ecc"] == one["ecc"]
        assert len(other["mig"]["instances"]) == len(one["mig"]["instances"])
        assert other["mig"]["enabled"] == one["mig"]["enabled"]


def test_nothing_is_started_where_there_is_no_gpu(hosts):
    """A host without any of NVIDIA's takes less than 0.2 s; the best of three, for other tests run beside it."""
    root = hosts("no-gpu-at-all")
    took = []
    for _time in range(3):
        started = time.monotonic()
        found = _gpu_look.look(root)
        took.append(time.monotonic() - started)
    assert min(took) < 0.2
    assert {found["sources"][name]["status"] for name in ("nvml", "smi", "fabric")} == {"skipped"}


def test_with_nvml_it_takes_less_than_a_second(hosts):
    root = hosts("eight-h100-with-nvswitches-r550")
    took = []
    for _time in range(3):
        started = time.monotonic()
        assert len(_gpu_look.look(root)["gpus"]) == 8
        took.append(time.monotonic() - started)
    assert min(took) < 1.0

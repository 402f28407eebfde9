"""GPU boxes that never were, for hosts of whole runs: what tests/gpu makes of a scenario, in a folder of the host.

The product looks there (nvidia_check_root) with the code that looks at real ones. Programs that compute find no GPU.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "gpu"))

# It lies beside the tests, on a path of its own.
import materialize

#: Where it lies on a host.
ROOT = "/srv/gpu"

#: PCI device and compute capability: developer.nvidia.com/cuda-gpus, pci-ids.ucw.cz; memory in MiB.
GPUS = {
    "Quadro M4000": {"device": "13f1", "class": "030000", "capability": "5.2", "memory": 8192},
    "NVIDIA A100-SXM4-40GB": {"device": "20b0", "class": "030200", "capability": "8.0", "memory": 40960},
    "NVIDIA H100 80GB HBM3": {"device": "2330", "class": "030200", "capability": "9.0", "memory": 81559},
}

#: Highest CUDA release of a driver branch, as NVML says it.
CUDA = {"470": 11040, "515": 11070, "535": 12020, "580": 13000}

_KERNEL = "5.10.0-30-amd64"


def box(gpu, driver, release="debian11", **more):
    """A scenario (dict) of a healthy box with one GPU of GPUS and a driver such as "515.65.01".

    `more` keys take the place of its own.
    """
    branch = driver.split(".")[0]
    line = f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {driver}  Wed Jul 20 14:00:58 UTC 2022\n"
    scenario = {
        "source": ["a box by the table, for a whole run"],
        "os": release,
        "kernel": _KERNEL,
        "kernels": {_KERNEL: {"modules": {"updates/dkms/nvidia.ko": {"version": driver}}}},
        "modules": {"nvidia": driver, "nvidia_uvm": "", "nvidia_modeset": driver, "nvidia_drm": driver},
        "files": {"/proc/driver/nvidia/version": line},
        "gpus": [{"at": ["0000:01:00.0"], "name": gpu, "temperature": 40, **GPUS[gpu]}],
        "nvml": {"library": driver, "cuda": CUDA[branch]},
        "packages": [
            f"ii linux-image-{_KERNEL} 5.10.218-1",
            f"ii linux-headers-{_KERNEL} 5.10.218-1",
            f"ii nvidia-driver {driver}-1",
            f"ii nvidia-kernel-dkms {driver}-1",
            f"ii libnvidia-ml1 {driver}-1",
        ],
    }
    return {**scenario, **more}


def put(host, scenario, folder):
    """Puts the box of a scenario (dict, or the name of one of tests/gpu) on a host, in the place of one that is there.

    folder: a Path that is not there yet, where it is made.
    """
    made = materialize.load(scenario) if isinstance(scenario, str) else scenario
    materialize.materialize(made, folder)
    host.sh(f"rm -rf {ROOT}")
    packed = subprocess.Popen(["tar", "-C", folder, "-cf", "-", "."], stdout=subprocess.PIPE)
    unpacking = [
        "docker",
        "exec",
        "--interactive",
        host.container,
        "sh",
        "-c",
        f"mkdir -p {ROOT} && tar -C {ROOT} -xf -",
    ]
    subprocess.run(unpacking, stdin=packed.stdout, check=True)
    assert packed.wait() == 0

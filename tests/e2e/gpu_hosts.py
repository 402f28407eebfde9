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

#: Where it lies on a host: where a program may be run, and no list of the host's files looks.
ROOT = "/tmp/gpu"
#: Where it lies over the host's own files, once it has been merged with them.
MERGED = "/tmp/merged"

#: PCI device and compute capability: developer.nvidia.com/cuda-gpus, pci-ids.ucw.cz; memory in MiB.
GPUS = {
    "Quadro M4000": {"device": "13f1", "class": "030000", "capability": "5.2", "memory": 8192},
    "NVIDIA A100-SXM4-40GB": {"device": "20b0", "class": "030200", "capability": "8.0", "memory": 40960},
    "NVIDIA H100 80GB HBM3": {"device": "2330", "class": "030200", "capability": "9.0", "memory": 81559},
}

#: Highest CUDA release of a driver branch, as NVML says it.
CUDA = {"470": 11040, "515": 11070, "535": 12020, "580": 13000}

_KERNEL = "5.10.0-30-amd64"


def box(gpu, driver, release="debian11", came_with=None):
    """A scenario (dict) of a healthy box with one GPU of GPUS and a driver such as "515.65.01".

    came_with: the driver's packages (dict name -> version), else Debian's.
    """
    branch = driver.split(".")[0]
    came_with = came_with or dict.fromkeys(("nvidia-driver", "nvidia-kernel-dkms", "libnvidia-ml1"), f"{driver}-1")
    line = f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {driver}  Wed Jul 20 14:00:58 UTC 2022\n"
    return {
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
            *(f"ii {name} {version}" for name, version in came_with.items()),
        ],
    }


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


def merge(host):
    """Lays the box over the host's own files, at MERGED: then what was really installed belongs to it.

    Packages and the linker's cache are the host's. What is installed later may not be seen there: merge again.
    """
    host.sh(
        f"""
        ! mountpoint -q {MERGED} || umount {MERGED}
        mkdir -p {MERGED}
        cd {ROOT}
        rm -rf var/lib/dpkg etc/ld.so.conf etc/ld.so.conf.d usr/sbin/ldconfig usr/bin/apt-mark
        mount -t overlay overlay -o lowerdir={ROOT}:/ {MERGED}
        """
    )


def install_driver(host, mirror, packages):
    """Installs the driver's packages (list of "NAME_VERSION") that a box came with; those of the mirror are empty."""
    fetch = "import sys, urllib.request as r; r.urlretrieve(sys.argv[1], sys.argv[2])"
    for package in packages:
        address = f"{mirror.archive(host.image)}/{package}_amd64.deb"
        host.run("python3", "-c", fetch, address, f"/tmp/{package}.deb")
        host.sh(f"dpkg -i /tmp/{package}.deb >/dev/null && rm /tmp/{package}.deb")

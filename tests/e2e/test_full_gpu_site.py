"""GPU boxes from end to end, with all layers of a box, and the way back. Ubuntu 20.04 is a stand-in (tests/images).

Their driver is a stand-in (tests/gpu); toolkit and cuDNN are NVIDIA's as far as tests/mirror has them. Their stack has
2022's GPU layers and one small package: the GPU variant's torch is on no index that is reached here.
"""

import json
import re
from dataclasses import dataclass

import gpu_hosts
import pytest
import small_stack
import yaml
from conftest import FEW_TOOLS, ROOT, live

IMAGES = {"gpu11": "debian11", "gpu20": "ubuntu2004", "gpu12": "debian12"}
MIRROR = ("cuda",)

STACK = yaml.safe_load((ROOT / "stacks" / "2022" / "stack.yml").read_text())

#: Image -> what the box came with, what its stack is, and what it must have. The driver's packages are those that the
#: image's archive has.
OF_2022 = {
    "driver": "515.65.01",
    "python": "3.9",
    "stack": {key: STACK[key] for key in ("releases", "cuda", "cudnn", "driver")},
    "packages": {
        "cuda-toolkit-11-7": "11.7.1-1",
        "cuda-nvcc-11-7": "11.7.99-1",
        "cuda-cudart-dev-11-7": "11.7.99-1",
        "libcublas-11-7": "11.10.3.66-1",
        "libcudnn8": "8.5.0.96-1+cuda11.7",
        "libcudnn8-dev": "8.5.0.96-1+cuda11.7",
    },
    "cuda": "11.7",
    "says": {"CUDART": 11070, "CUDNN": 8500, "cudnn": 8500},
}
BOXES = {
    "debian11": {
        **OF_2022,
        "came_with": {
            "nvidia-driver": "515.65.01-1",
            "nvidia-kernel-dkms": "515.65.01-1",
            "libnvidia-ml1": "515.65.01-1",
        },
    },
    "ubuntu2004": {**OF_2022, "came_with": {"nvidia-driver-515": "515.65.01-0ubuntu1"}},
    # NVIDIA's own nvcc and cuDNN 9. Of its time the stack of 2023 has no toolkit there.
    "debian12": {
        "driver": "580.95.05",
        "came_with": {
            "nvidia-driver": "580.95.05-1",
            "nvidia-kernel-dkms": "580.95.05-1",
            "libnvidia-ml1": "580.95.05-1",
        },
        "python": "3.11",
        "stack": {
            "releases": [
                {
                    "distribution": "Debian",
                    "version": "12",
                    "codename": "bookworm",
                    "cuda_toolkit": "13.0.2",
                    "cudnn": "9.19.0.56",
                }
            ],
            "cuda": {"version": "13.0.2"},
            "cudnn": {"version": "9.19.0.56"},
            "driver": {"oldest": "580.65.06"},
        },
        "packages": {
            "cuda-toolkit-13-0": "13.0.2-1",
            "cuda-nvcc-13-0": "13.0.88-1",
            "cuda-cudart-dev-13-0": "13.0.96-1",
            "libcudnn9-cuda-13": "9.19.0.56-1",
            "libcudnn9-dev-cuda-13": "9.19.0.56-1",
        },
        "cuda": "13.0",
        "says": {"CUDART": 13000, "CUDNN": 91900, "cudnn": 91900},
    },
}

#: What a person writes first: it must compile, link and load without a path of theirs.
PROGRAM = r"""
#include <cstdio>
#include <cuda_runtime.h>
#include <cudnn.h>
__global__ void twice(float *x) { x[threadIdx.x] *= 2; }
int main() {
    twice<<<1, 32>>>((float *)0);
    printf("{\"CUDART\": %d, \"CUDNN\": %d, \"cudnn\": %d, \"error\": %d}\n", CUDART_VERSION, CUDNN_VERSION,
           (int)cudnnGetVersion(), (int)cudaGetLastError());
}
"""


@dataclass(frozen=True)
class Box:
    """A host that is a GPU box, and its row of BOXES."""

    fleet: object
    host: object
    row: dict
    asked: dict

    @property
    def layers(self):
        """Words for all layers that the host's archive has packages for: the stand-in for Ubuntu has Debian's."""
        return ("--skip-tags", "tools") if self.host.image == "ubuntu2004" else FEW_TOOLS

    def run(self, word, *arguments):
        """./box WORD on it (Run)."""
        return self.fleet.box(word, "--limit", self.host.name, "-e", json.dumps(self.asked), *arguments)

    def installed(self):
        """Package -> version (dict) of what dpkg has."""
        lines = self.host.sh(
            "dpkg-query --show --showformat '${db:Status-Abbrev} ${Package} ${Version}\\n'"
        ).splitlines()
        return {name: version for state, name, version in map(str.split, lines) if state == "ii" or state == "hi"}


@pytest.fixture(scope="module")
def box(fleet, each, mirror, tmp_path_factory):
    """The host as it came (Box): with a driver, and nothing of ours."""
    host, row = fleet.hosts[each], BOXES[fleet.hosts[each].image]
    folder = tmp_path_factory.mktemp(each)
    scenario = gpu_hosts.box("NVIDIA A100-SXM4-40GB", row["driver"], host.image, row["came_with"])
    gpu_hosts.put(host, scenario, folder / "box")
    gpu_hosts.install_driver(host, mirror, [f"{name}_{version}" for name, version in row["came_with"].items()])
    stack = small_stack.make(folder / "gpu", row["python"], more=row["stack"], variants=("cpu", "cuda"))
    # Nothing computes on it: behind the driver's library there is no driver.
    asked = {"stack_name": stack, "nvidia_check_root": gpu_hosts.ROOT, "cuda_verify_gpu": False}
    return Box(fleet, host, row, asked)


@pytest.fixture(scope="module")
def output(box):
    """What site printed (str) when it made the box."""
    return box.run("site", *box.layers).well().output


def test_it_is_taken_for_a_gpu_box_of_its_variant(box, output):
    assert f"GPU box: One NVIDIA GPU is on the PCI bus, NVIDIA's driver {box.row['driver']} is loaded." in output
    assert "stack gpu, variant cuda" in output
    assert live(box.host)


def test_toolkit_and_cudnn_are_those_of_the_stack_and_the_driver_is_as_it_was(box, output):
    have, wanted, driver = box.installed(), box.row["packages"], box.row["came_with"]
    assert {name: have.get(name) for name in wanted} == wanted
    assert {name: have.get(name) for name in driver} == driver
    assert sorted(name for name in have if re.search("nvidia|cuda-drivers|libcuda", name)) == sorted(driver)


def test_all_of_it_is_held_and_stays_through_an_upgrade(box, output):
    held = set(box.host.sh("apt-mark showhold").split())
    assert {*box.row["came_with"], *box.row["packages"]} <= held
    box.host.sh("apt-get -qq update")
    simulated = box.host.sh("apt-get --simulate dist-upgrade")
    assert [line for line in simulated.splitlines() if re.match("Inst (cuda|lib(cu|np|nv)|nvidia|nsight)", line)] == []


def test_a_program_of_a_person_compiles_and_runs(box, output):
    box.host.run("tee", "/tmp/program.cu", text=PROGRAM)
    build = "cd /tmp && nvcc -o /tmp/program /tmp/program.cu -lcudnn && /tmp/program"
    said = json.loads(box.host.sh(f"runuser -u ml -- bash -lc '{build}'"))
    assert said.pop("error") in (35, 100), "there is no GPU, and the runtime says so"
    assert said == box.row["says"]


def test_verify_proves_it(box, output):
    layers = ["network", "stack", "nvidia_check", "cuda", "cudnn", "python", "pip_stack"]
    box.run("verify", "-e", json.dumps({"mlinabox_layers": layers})).well()


def test_the_doctor_sees_it_and_finds_nothing_broken(box, output):
    gpu_hosts.merge(box.host)
    said = box.run("doctor", "-e", f"doctor_root={gpu_hosts.MERGED}").well().output
    assert box.row["cuda"] in said


def test_again_it_changes_nothing(box, output):
    assert box.run("site", *box.layers).well().recap[box.host.name]["changed"] == 0


def test_what_was_brought_goes_again(box, output):
    box.run("site", "--tags", "cuda,cudnn", "-e", "cuda_state=absent", "-e", "cudnn_state=absent").well()
    have, driver = box.installed(), box.row["came_with"]
    assert [name for name in have if re.match("cuda-|libcudnn|libcublas", name)] == []
    assert {name: have.get(name) for name in driver} == driver
    assert box.host.sh("ls -d /usr/local/cuda* /etc/apt/sources.list.d/*nvidia* 2>/dev/null || true") == ""

"""What GPU code a lock's wheels hold: from the file beside it, else from the tables."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.plugin_utils import _gpu_wheels
from ansible_collections.mlinabox.core.plugins.plugin_utils._gpu_wheels import torch_wheel, wheels_of

HASH = f"--hash=sha256:{'0' * 64}"
BESIDE = """# What GPU code the wheels of mine.txt hold.
torch:
  version: "2.1.1"
  sha256: "00"
  cuda: "12.1"
  architectures: ["5.0", "9.0+PTX"]
  read: "torch/lib/libtorch_python.so"
"""
TORCH = {"distribution": "torch", "version": "2.1.1", "cuda": "12.1", "architectures": ["5.0", "9.0+PTX"]}


def lock(folder, *lines, name="mine.txt"):
    path = folder / name
    path.write_text("".join(f"{line} {HASH}\n" for line in lines))
    return path


def test_the_file_beside_a_lock_is_believed(tmp_path):
    path = lock(tmp_path, "torch==9.9")
    (tmp_path / "mine.gpu.yml").write_text(BESIDE)
    assert wheels_of(str(path)) == [TORCH]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read: "),
        ("- torch\n", "is no map of distributions"),
        ("torch: 5\n", "torch: has not the keys"),
        (BESIDE.replace('  cuda: "12.1"\n', ""), "torch: has not the keys"),
        (BESIDE.replace('"5.0"', '"sm_50"'), "torch: 'sm_50' is no architecture"),
        (BESIDE.replace('["5.0", "9.0+PTX"]', "5.0"), "torch: has not the keys"),
        (BESIDE.encode() + b"\xff", "cannot be read: "),
    ],
)
def test_a_file_that_is_none_of_ours_is_one_line(tmp_path, text, said):
    path = lock(tmp_path, "torch==2.1.1")
    (tmp_path / "mine.gpu.yml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=r"mine\.gpu\.yml") as error:
        wheels_of(str(path))
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("version", "cuda", "architectures"),
    [
        ("1.11.0", "", ""),
        ("1.12.1", "10.2", "3.7 5.0 6.0 7.0"),
        ("1.13.1", "11.7", "3.7 5.0 6.0 7.0 7.5 8.0 8.6"),
        ("2.0.1", "11.7", "3.7 5.0 6.0 7.0 7.5 8.0 8.6"),
        ("2.1.2", "12.1", "5.0 6.0 7.0 7.5 8.0 8.6 9.0"),
        ("2.4.1", "12.1", "5.0 6.0 7.0 7.5 8.0 8.6 9.0"),
        ("2.6.0", "12.4", "5.0 6.0 7.0 7.5 8.0 8.6 9.0"),
        ("2.7.1", "12.6", "5.0 6.0 7.0 7.5 8.0 8.6 9.0"),
        ("2.10.0", "12.8", "7.0 7.5 8.0 8.6 9.0 10.0 12.0"),
        ("2.13.0", "13.0", "7.5 8.0 8.6 9.0 10.0 12.0"),
        ("2.15.0", "13.2", "7.5 8.0 8.6 9.0 10.0 12.0"),
        ("2.16.0", "", ""),
        ("1.12.1+cu116", "11.6", "3.7 5.0 6.0 7.0 7.5 8.0 8.6"),
        ("2.0.1+cu118", "11.8", "3.7 5.0 6.0 7.0 7.5 8.0 8.6 9.0"),
        ("1.13.1+cu117", "11.7", "3.7 5.0 6.0 7.0 7.5 8.0 8.6"),
        ("2.9.1+cu126", "12.6", ""),
        ("2.1.1+cpu", "", ""),
        ("2.1.1+rocm5.6", "", ""),
    ],
)
def test_torch_by_its_version(version, cuda, architectures):
    assert torch_wheel(version) == (cuda, architectures.split())


def test_the_lock_of_another_tool(tmp_path):
    path = lock(tmp_path, "torch==2.1.2", "numpy==1.26.4", "nvidia-cuda-runtime-cu12==12.1.105")
    assert wheels_of(str(path)) == [
        {
            "distribution": "torch",
            "version": "2.1.2",
            "cuda": "12.1",
            "architectures": ["5.0", "6.0", "7.0", "7.5", "8.0", "8.6", "9.0"],
        },
        {"distribution": "nvidia-cuda-runtime-cu12", "version": "12.1.105", "cuda": "12.1", "architectures": []},
    ]


def test_a_wheel_by_its_address(tmp_path):
    path = lock(tmp_path, "torch @ https://wheels.example.org/torch-1.12.1%2Bcu116-cp39-cp39-linux_x86_64.whl")
    assert [one["version"] for one in wheels_of(str(path))] == ["1.12.1+cu116"]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["numpy==1.26.4"],
        ["torch==2.1.2+cpu"],
        # What cannot be read is for who installs it to say.
        ["torch>=2"],
    ],
)
def test_nothing_is_known(tmp_path, lines):
    assert wheels_of(str(lock(tmp_path, *lines))) == []


def test_a_lock_that_is_not_there(tmp_path):
    assert wheels_of(str(tmp_path / "none.txt")) == []
    assert wheels_of("") == []


def test_a_lock_that_is_for_one_python_is_read_for_it(tmp_path):
    path = lock(tmp_path, 'torch==2.1.2 ; python_version < "3.10"', 'torch==2.5.1 ; python_version >= "3.12"')
    assert [one["version"] for one in wheels_of(str(path))] == ["2.5.1"]
    path.write_text("# mlinabox lock: stack=s environment=e variant=v python=3.9\n" + path.read_text())
    assert [one["version"] for one in wheels_of(str(path))] == ["2.1.2"]


def test_a_stack_has_its_wheels_by_variant_and_two_of_a_kind_side_by_side(tmp_path):
    for name in ("cpu", "cuda", "other"):
        lock(tmp_path, "six==1.0", name=f"{name}.txt")
        (tmp_path / f"{name}.gpu.yml").write_text(BESIDE.replace("2.1.1", f"1.{len(name)}"))
    stack = {
        "dir": str(tmp_path),
        "environments": {
            "stack": {"variants": {"cpu": "cpu.txt", "cuda": "cuda.txt"}},
            "same": {"variants": {"cpu": "cpu.txt"}},
            "older": {"variants": {"cuda": "other.txt"}},
        },
    }
    found = _gpu_wheels.of_stack(stack)
    assert {variant: sorted(wheels) for variant, wheels in found.items()} == {
        "cpu": ["torch"],
        "cuda": ["torch", "torch of older"],
    }
    assert found["cuda"]["torch of older"]["version"] == "1.5"
    assert _gpu_wheels.architectures(stack)["cpu"] == {"torch": ["5.0", "9.0+PTX"]}

"""Names of real packages: which are the driver's, and which only look like it."""

from __future__ import annotations

import re

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._nvidia_driver_packages import LIBRARIES, is_driver, refused


@pytest.mark.parametrize(
    "name",
    [
        # NVIDIA's archive
        *("cuda-drivers", "cuda-drivers-560", "cuda-drivers-fabricmanager-560", "nvidia-open", "nvidia-open-575"),
        *("nvidia-driver-cuda", "nvidia-kernel-dkms", "nvidia-imex-580", "libnvidia-nscq-560", "libnvsdm-575"),
        # Ubuntu's
        *("nvidia-driver-535", "nvidia-driver-535-server-open", "nvidia-headless-no-dkms-535", "nvidia-dkms-535"),
        *("nvidia-utils-535", "nvidia-compute-utils-535", "nvidia-firmware-535-535.183.01", "libnvidia-compute-535"),
        *("linux-modules-nvidia-535-generic", "xserver-xorg-video-nvidia-535", "nvidia-fabricmanager-535"),
        # Debian's
        *("nvidia-driver", "nvidia-driver-libs", "nvidia-smi", "libcuda1", "libnvidia-ml1", "nvidia-tesla-470-driver"),
        *("nvidia-open-kernel-dkms", "firmware-nvidia-gsp", "libgl1-nvidia-glvnd-glx", "libegl-nvidia0"),
        *("nvidia-alternative", "nvidia-legacy-check", "nvidia-persistenced", "nvidia-modprobe", "libnvcuvid1"),
        *("nvidia-legacy-390xx-driver", "nvidia-settings", "xserver-xorg-video-nvidia", "nvidia-vulkan-icd"),
    ],
)
def test_the_driver(name):
    assert is_driver(name)


@pytest.mark.parametrize(
    "name",
    [
        *("cuda-toolkit-11-7", "cuda-driver-dev-11-7", "cuda-nvml-dev-11-7", "cuda-compat-12-4", "cuda-keyring"),
        *("nsight-compute-2022.2.1", "libcublas-11-7", "libcudnn8", "libnvjpeg-11-7", "gds-tools-11-7", "nvidia-gds"),
        *("nvidia-cuda-toolkit", "nvidia-cuda-toolkit-gcc", "nvidia-cuda-dev", "nvidia-profiler", "nvidia-cuda-gdb"),
        *(
            "nvidia-opencl-dev",
            "nvidia-visual-profiler",
            "libnvidia-ml-dev",
            "libnvvm4",
            "libcudart11.0",
            "nvidia-cudnn",
        ),
        *(
            "nvidia-container-toolkit",
            "nvidia-container-toolkit-base",
            "libnvidia-container1",
            "libnvidia-container-tools",
        ),
        *("linux-image-amd64", "dkms", "libnvrtc11.2", "libcuinj64-11.2", "nvidia-docker2"),
    ],
)
def test_what_is_not_the_driver(name):
    assert not is_driver(name)


def matched(patterns, name):
    return any(re.fullmatch(pattern, name) for pattern in patterns)


def test_what_is_refused_is_the_driver_but_for_what_is_allowed():
    assert matched(refused(), "libcuda1")
    patterns = refused(["libcuda1"])
    assert not matched(patterns, "libcuda1")
    assert matched(patterns, "libcuda1-i386")
    assert matched(patterns, "nvidia-driver")
    for name in LIBRARIES:
        assert is_driver(name)

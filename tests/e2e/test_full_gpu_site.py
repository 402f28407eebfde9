"""As test_gpu_site.py, with all layers of a box, on further releases, and the way back.

Ubuntu 20.04 is a stand-in (tests/images).
"""

import re

from conftest import FEW_TOOLS

# pylint: disable=wildcard-import,unused-wildcard-import
from test_gpu_site import *  # noqa: F403 - its tests and fixtures run here again

IMAGES = {"gpu11": "debian11", "gpu20": "ubuntu2004", "gpu12": "debian12"}
MIRROR = ("cuda",)
LAYERS = FEW_TOOLS


def test_what_was_brought_goes_again(box, output):
    box.run("site", "--tags", "cuda,cudnn", "-e", "cuda_state=absent", "-e", "cudnn_state=absent").well()
    have, driver = box.installed(), box.row["came_with"]
    assert [name for name in have if re.match("cuda-|libcudnn|libcublas", name)] == []
    assert {name: have.get(name) for name in driver} == driver
    assert box.host.sh("ls -d /usr/local/cuda* /etc/apt/sources.list.d/*nvidia* 2>/dev/null || true") == ""

"""As test_gpu_smi.py, with the other branches that Debian has."""

# pylint: disable=wildcard-import,unused-wildcard-import
from test_gpu_smi import *  # noqa: F403 - its tests and fixtures run here again

IMAGES = {"r470": "debian11", "r550": "debian13"}

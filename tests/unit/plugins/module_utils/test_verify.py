"""What verify says where it cannot prove."""

from __future__ import annotations

from ansible_collections.mlinabox.core.plugins.module_utils._generations import Environment
from ansible_collections.mlinabox.core.plugins.module_utils._manifest import Manifest, write_manifest
from ansible_collections.mlinabox.core.plugins.module_utils._verify import verify

ONE = "20260101T000000Z-aaaaaaaa"


def test_a_missing_uv_is_a_failure_and_no_crash(tmp_path):
    environment = Environment(str(tmp_path), "stack")
    path = tmp_path / "envs/stack" / ONE
    (path / "lib/python3.9/site-packages").mkdir(parents=True)
    (path / ".mlinabox").mkdir()
    write_manifest(str(path), Manifest())
    environment.write_state(ONE, {"packages": {}})
    environment.switch(ONE)
    wanted = {"name": "stack", "pins": None, "checks": [], "waivers": []}
    result = verify(str(tmp_path), "/nonexistent/uv", [wanted], "size", "nobody")
    assert not result["works"]
    assert len(result["failures"]) == 1
    assert result["failures"][0].startswith("stack: uv cannot be run: ")

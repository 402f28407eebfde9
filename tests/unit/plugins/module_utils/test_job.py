"""Whether a job in the background is at work: by the file of async_wrapper (ansible-core 2.19), and by /proc."""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._job import job_state

STARTED = {"started": True, "finished": False, "ansible_job_id": "j1.7"}


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ('{"changed": true, "generation": "g"}', "finished"),
        ('{"failed": true, "msg": "Timeout exceeded", "child_pid": 7}', "finished"),
        # No process of this name is there.
        (json.dumps(STARTED), "gone"),
        (json.dumps({**STARTED, "started": 1, "finished": 0}), "gone"),
        ("", "gone"),
        (None, "gone"),
    ],
)
def test_without_a_process(tmp_path, text, state):
    path = tmp_path / "j918273645.7"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert job_state(str(path)) == state


def test_with_a_process_until_it_is_killed(tmp_path):
    path = tmp_path / "j546372819.7"
    path.write_text(json.dumps(STARTED), encoding="utf-8")
    job = subprocess.Popen(["sh", "-c", "sleep 60; :", "j546372819", "86400"])
    try:
        time.sleep(0.1)
        assert job_state(str(path)) == "running"
        path.write_text("", encoding="utf-8")
        assert job_state(str(path)) == "running"
    finally:
        job.kill()
        job.wait()
    assert job_state(str(path)) == "gone"

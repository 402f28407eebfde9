"""How a job in the background is followed when answers fail to come. Real jobs are followed in tests/e2e."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase
from ansible_collections.mlinabox.core.plugins.plugin_utils._background import PATIENCE, Background, NotStartedError
from ansible_collections.mlinabox.core.plugins.plugin_utils._progress_lines import PlainLines

STARTED = {"ansible_job_id": "j1.7", "results_file": "/root/.ansible_async/j1.7", "changed": True}
DOWNLOAD = {"job": "running", "seconds": 3.0, "other": False, "progress": {"phase": "download", "text": "torch"}}
FINISHED = {"job": "finished", "seconds": 0.0, "other": False, "progress": {}}
GONE = {**FINISHED, "job": "gone"}
RESULT = {
    "_ansible_parsed": True,
    "invocation": {},
    "changed": True,
    "generation": "g",
    "ansible_job_id": "j1.7",
    "finished": True,
}
LOST = AnsibleConnectionFailure("Failed to connect to the host via ssh: timed out\nmore")


class Action:
    """An action plugin whose host answers as the list says; each answer takes a second."""

    def __init__(self, *answers):
        self.answers, self.asked, self.commands, self.now = list(answers), [], [], 0.0
        self._task = SimpleNamespace(async_val=0)
        self._cleanup_remote_tmp = True
        self._connection = Resetting()

    def _execute_module(self, module_name, module_args, task_vars, wrap_async=False):
        self.asked.append((module_name.rsplit(".", 1)[-1], wrap_async, self._task.async_val))
        self.now += 1
        if wrap_async:
            self._cleanup_remote_tmp = False
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def _low_level_execute_command(self, command):
        self.commands.append(command)
        return {"rc": 0}

    def sleep(self, seconds):
        self.now += seconds


class Resetting(ConnectionBase):
    """A connection that can be begun anew."""

    transport, has_pipelining, resets = "test", False, 0

    def __init__(self):
        pass

    def _connect(self):
        raise AssertionError

    exec_command = put_file = fetch_file = _connect

    def close(self):
        pass

    def __del__(self):
        pass

    def reset(self):
        self.resets += 1


def follow(action):
    said = []
    background = Background(
        action, "host1 stack", {"name": "stack"}, PlainLines(said.append), {}, lambda: action.now, action.sleep
    )
    try:
        return background.run("mlinabox.core.pip_lock", {}), said
    except AnsibleConnectionFailure as error:
        return error, said


def test_a_job_is_started_followed_and_cleaned_up():
    action = Action(STARTED, DOWNLOAD, DOWNLOAD, FINISHED, RESULT)
    result, said = follow(action)
    assert result == {"_ansible_parsed": True, "invocation": {}, "changed": True, "generation": "g"}
    assert said == ["host1 stack: download 3 s: torch\n"]
    assert [name for name, _wrapped, _limit in action.asked] == [
        "pip_lock",
        "pip_lock_progress",
        "pip_lock_progress",
        "pip_lock_progress",
        "async_status",
    ]
    assert action.commands == ["rm -f /root/.ansible_async/j1.7"]
    # Only the start is asynchronous, and the task is afterwards what it was: Ansible would poll it itself else.
    assert [wrapped for _name, wrapped, _limit in action.asked] == [True] + [False] * 4
    assert action.asked[0][2] > 3600
    assert action._task.async_val == 0
    assert action._cleanup_remote_tmp


@pytest.mark.parametrize("answer", [{"failed": True, "msg": "could not create directory"}, {"msg": "x"}])
def test_a_job_that_does_not_start(answer):
    action = Action({**answer, "_ansible_parsed": True})
    with pytest.raises(NotStartedError, match=answer["msg"]):
        follow(action)
    assert action._task.async_val == 0


@pytest.mark.parametrize("lost", [LOST, {"_ansible_parsed": False, "failed": True, "msg": "Cannot allocate memory"}])
@pytest.mark.parametrize("after", [DOWNLOAD, FINISHED])
def test_a_connection_that_comes_back(lost, after):
    action = Action(STARTED, DOWNLOAD, lost, lost, lost, after, FINISHED, RESULT)
    if after is FINISHED:
        action.answers.remove(FINISHED)
    result, said = follow(action)
    assert result["generation"] == "g"
    assert any("no answer for 1 s" in line and line.endswith("; the build goes on there\n") for line in said)
    assert all(line.count("\n") == 1 for line in said)
    assert action._connection.resets == 3


def test_a_connection_that_breaks_while_the_result_is_fetched():
    result, _said = follow(Action(STARTED, FINISHED, LOST, RESULT))
    assert result["generation"] == "g"


def test_a_connection_that_does_not_come_back():
    action = Action(STARTED, DOWNLOAD, LOST)
    error, said = follow(action)
    assert isinstance(error, AnsibleConnectionFailure)
    assert str(error).startswith("host1 stack: no answer from the host for ")
    assert "Run again when the host answers" in str(error)
    assert "\n" not in str(error)
    assert PATIENCE <= action.now < PATIENCE + 60
    # Told now and then, not with every try.
    assert len(said) < PATIENCE / 5


# What ansible-core 2.19's async_wrapper writes where the module was killed, and where it killed it itself.
KILLED = {
    "failed": True,
    "cmd": "x",
    "data": "",
    "stderr": "",
    "msg": "Traceback (most recent call last):\n...",
    **STARTED,
}
TOO_LONG = {"failed": True, "msg": "Timeout exceeded", "child_pid": 7}


@pytest.mark.parametrize(
    "end", [(GONE,), (FINISHED, KILLED), (FINISHED, TOO_LONG), (FINISHED, {**KILLED, "stderr": "a\nb"})]
)
def test_a_job_that_was_killed(end):
    end = [{**answer, "_ansible_parsed": True} for answer in end]
    result, _said = follow(Action(STARTED, DOWNLOAD, *end))
    assert result["failed"]
    assert result["msg"].startswith("host1 stack: the build ended on the host without a result")
    assert "\n" not in result["msg"]


def test_a_job_that_failed_says_so_itself():
    result, _said = follow(Action(STARTED, FINISHED, {**RESULT, "failed": True, "msg": "environment stack: no"}))
    assert (result["failed"], result["msg"]) == (True, "environment stack: no")

"""Over SSH, as an ordinary user with sudo: two hosts of different releases at once, each with the stack of its time."""

import re

import pytest

IMAGES = {"older": "debian11", "newer": "debian12"}


@pytest.fixture(scope="module")
def boxes(fleet):
    """Both hosts, made boxes by one run."""
    run = fleet.box("site").well()
    assert set(run.recap) == set(IMAGES)
    return fleet


def test_each_has_the_stack_of_its_release_and_verify_proves_it(boxes):
    output = boxes.box("verify").well().output
    assert "Stack 2022" in output
    assert "Stack 2023" in output
    assert "jaxlib" in output


def test_again_it_changes_nothing(boxes):
    recap = boxes.box("site").well().recap
    assert {host: counted["changed"] for host, counted in recap.items()} == {"older": 0, "newer": 0}


def test_limit_and_tags_leave_the_rest_alone(boxes):
    run = boxes.box("site", "--limit", "newer", "--tags", "pip_stack").well()
    assert set(run.recap) == {"newer"}
    # Ansible holds a role's arguments against its documentation whatever the tags.
    assert re.findall(r"^TASK \[mlinabox\.core\.(?:jupyterlab|tools) : (?!Validating)", run.output, re.MULTILINE) == []


def test_who_logs_in_has_the_stack_at_hand(boxes):
    for host, module in ((boxes.hosts["older"], "xgboost"), (boxes.hosts["newer"], "peft")):
        host.sh(f"runuser -u ml -- bash -lc 'cd && python -c \"import {module}\"'")

# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules for Paperspace, each run four times: check, in earnest, check again, in earnest again."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
NEW = {
    "name": "trainer",
    "machine_type": "P5000",
    "template": "Ubuntu 22.04",
    "region": "ny2",
    "disk_size": 100,
    "public_ip_type": "dynamic",
}


def writes(server):
    """What was asked for that changes something: [(method, path)]."""
    return [(method, path) for method, path, _query, _status in server.asked() if method != "GET"]


def four(run, server, kind, /, **options):
    """Run a module four times. Returns the first two results; holds each run to what a state's four runs are to be."""
    before = len(writes(server))
    check = run(kind, check=True, **options)
    assert len(writes(server)) == before, "check mode changed something"
    real = run(kind, **options)
    after = len(writes(server))
    again, once_more = run(kind, check=True, **options), run(kind, **options)
    assert [check["changed"], real["changed"]] == [True, True]
    assert [again["changed"], once_more["changed"]] == [False, False]
    assert check["diff"] == real["diff"]
    assert once_more["diff"] == {"before": {}, "after": {}}
    assert len(writes(server)) == after, "the second run changed something"
    return check, real


# ---- machines -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "ends"), [("present", "ready"), ("started", "ready"), ("stopped", "off")])
@pytest.mark.parametrize("long_regions", [False, True])
def test_a_new_machine(run, server, cloud, state, ends, long_regions):
    cloud.long_regions = long_regions
    check, real = four(run, server, "machine", **NEW, state=state)
    machine = real["machine"]
    assert (machine["state"], machine["region"], machine["machine_type"]) == (ends, "ny2", "P5000")
    assert check["machine"]["state"] == ends and check["machine"]["id"] == ""
    assert real["actions"] == ["create"]
    assert real["diff"]["after"]["disk_size"] == 100
    assert bool(machine["public_ip"]) == (ends == "ready")
    assert writes(server) == [("POST", "/machines")]


def test_on_and_off_and_gone(run, server, cloud):
    cloud.add_machine("box", "off")
    _check, real = four(run, server, "machine", name="box", state="started")
    assert real["actions"] == ["start"] and real["machine"]["state"] == "ready"
    assert real["diff"] == {"before": {"state": "off"}, "after": {"state": "ready"}}
    _check, real = four(run, server, "machine", name="box", state="stopped")
    assert real["machine"]["state"] == "off"
    _check, real = four(run, server, "machine", name="box", state="absent")
    assert real["actions"] == ["remove"] and real["machine"]["name"] == "box"
    assert run("machine", name="box", state="absent")["machine"] == {}


def test_a_restart_is_one_each_time(run, server, cloud):
    machine = cloud.add_machine("box")
    for _count in range(2):
        result = run("machine", name="box", state="restarted")
        assert result["actions"] == ["restart"] and result["machine"]["state"] == "ready"
    machine["state"] = "off"
    assert run("machine", name="box", state="restarted")["actions"] == ["start"]


def test_settings_are_changed_and_others_left(run, server, cloud):
    machine = cloud.add_machine("box", autoShutdownTimeout=4)
    options = {
        "machine_type": "A4000",
        "disk_size": 100,
        "public_ip_type": "static",
        "auto_shutdown_enabled": True,
        "region": "East Coast (NY2)",
    }
    _check, real = four(run, server, "machine", name="box", **options)
    assert real["actions"] == ["update machine_type, disk_size, public_ip_type, auto_shutdown_enabled"]
    assert real["diff"]["before"] == {
        "machine_type": "C5",
        "disk_size": 50,
        "public_ip_type": "dynamic",
        "auto_shutdown_enabled": False,
    }
    assert real["machine"]["auto_shutdown_timeout"] == 4 and real["machine"]["state"] == "ready"
    assert machine["accelerators"][0]["name"] == "RTX A4000"


def test_what_the_api_does_not_tell_is_not_set_each_time(run, server, cloud):
    cloud.add_machine("box", storageTotal=0, autoShutdownForce=None)
    assert not run("machine", name="box", disk_size=100, auto_shutdown_force=False)["changed"]
    assert run("machine", name="box", auto_shutdown_force=True)["changed"]


def test_a_change_that_does_not_take_is_told(run, server, cloud, monkeypatch, capsys):
    machine = cloud.add_machine("box")
    monkeypatch.setattr(cloud, "update_machine", lambda machine, body: {"data": machine})
    result = run("machine", name="box", auto_shutdown_timeout=8)
    # In this process it is the controller's own display that a module's warning goes to.
    assert result["changed"] and "still says otherwise of auto_shutdown_timeout" in capsys.readouterr().err
    assert machine["autoShutdownTimeout"] is None


def test_an_older_removal_that_failed_is_not_this_one(run, server, cloud, fault, hurry):
    cloud.add_machine("box")
    cloud.fail_next("deactivate", "Locked")
    assert "deactivate failed: Locked" in run("machine", name="box", state="absent")["msg"]
    server.faults.add(fault("hangup", method="DELETE"))
    assert run("machine", name="box", state="absent")["changed"]


def test_a_change_and_a_start_are_one_run(run, server, cloud):
    cloud.add_machine("box", "off")
    _check, real = four(run, server, "machine", name="box", state="started", machine_type="A4000")
    assert real["actions"] == ["update machine_type", "start"]
    _check, real = four(run, server, "machine", name="box", state="stopped", machine_type="C5")
    assert real["actions"] == ["stop", "update machine_type"]


def test_a_machine_is_renamed_by_its_id(run, server, cloud):
    machine = cloud.add_machine("box")
    _check, real = four(run, server, "machine", id=machine["id"], name="other")
    assert machine["name"] == "other" and real["diff"] == {"before": {"name": "box"}, "after": {"name": "other"}}


def test_names_of_networks_and_templates_are_found(run, server, cloud):
    lab, elsewhere = cloud.add_network("lab"), cloud.add_network("lab", "ca1")
    golden = cloud.add_template("golden", cloud.add_machine("baker"))
    result = run("machine", **{**NEW, "template": "golden"}, network="lab")
    assert result["machine"]["network_id"] == lab["id"] != elsewhere["id"]
    assert result["diff"]["after"]["template_id"] == golden["id"]


@pytest.mark.parametrize("state", ["starting", "provisioning", "restarting", "stopping", "upgrading"])
@pytest.mark.parametrize("wanted", ["started", "stopped"])
def test_a_machine_on_its_way_is_waited_for(run, server, cloud, state, wanted):
    machine = cloud.add_machine("box", state)
    rest = "off" if state == "stopping" else "ready"
    cloud._in(0.05, lambda: cloud._set(machine, rest))
    result = run("machine", name="box", state=wanted)
    assert result["machine"]["state"] == ("ready" if wanted == "started" else "off")
    assert result["changed"] == ((rest == "ready") != (wanted == "started"))


@pytest.mark.parametrize(("wait_for", "seconds"), [("serviceready", 60), ("ready", 0.05)])
def test_when_a_machine_counts_as_started(run, server, cloud, wait_for, seconds):
    machine = cloud.add_machine("box", "serviceready")
    cloud._in(seconds, lambda: cloud._set(machine, "ready"))
    result = run("machine", name="box", state="started", wait_for=wait_for)
    assert result["machine"]["state"] == wait_for and writes(server) == []


def test_one_whose_agent_never_comes_is_stopped_all_the_same(run, server, cloud):
    cloud.add_machine("box", "serviceready")
    assert run("machine", name="box", state="stopped")["actions"] == ["stop"]


def test_without_waiting_it_is_only_begun(run, server, cloud):
    result = run("machine", **NEW, wait=False)
    assert result["machine"]["state"] == "provisioning" and result["changed"]
    again = run("machine", **NEW, wait=False, state="started")
    assert not again["changed"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "trainer"}, "'trainer' is not there, and to make it machine_type, template_id .or template., region"),
        ({**NEW, "region": "Atlantis"}, "'Atlantis' is no region"),
        ({**NEW, "template": "Slackware"}, r"no template 'Slackware' is in ny2; there are: Ubuntu 20.04, Ubuntu 22.04"),
        ({**NEW, "network": "lab"}, "no network 'lab' is in ny2; there are: none"),
        ({**NEW, "machine_type": "Z80"}, 'Invalid machine type; {"machineType": "Z80"}'),
        ({"id": "psnone", "state": "started"}, "no machine with the id 'psnone'"),
        ({"name": "box", "region": "ca1"}, "is in ny2, not in ca1, and cannot be moved"),
        ({"name": "box", "disk_size": 20}, "disk of 50 GB; it can grow, not shrink to 20 GB"),
        ({**NEW, "api_key": ""}, "there is no API key: set PAPERSPACE_API_KEY"),
        ({**NEW, "api_url": "http://api.example.org"}, "must begin with https"),
        ({"name": "box", "api_key": "wrong"}, "401 UNAUTHORIZED: Invalid API key"),
        ({}, "one of the following is required: name, id"),
        ({"name": "box", "template": "a", "template_id": "b"}, "mutually exclusive"),
    ],
)
def test_what_cannot_be_had_is_said_in_one_line(run, server, cloud, options, said):
    cloud.add_machine("box")
    result = run("machine", **options)
    assert result["failed"]
    assert re.search(said, result["msg"]), result["msg"]
    assert "\n" not in result["msg"] and writes(server) in ([], [("POST", "/machines")])


def test_two_of_one_name_are_both_named(run, server, cloud):
    one, other = cloud.add_machine("twin"), cloud.add_machine("twin", region="ca1")
    for state in ("started", "absent"):
        result = run("machine", name="twin", state=state)
        assert result["failed"] and one["id"] in result["msg"] and other["id"] in result["msg"]
        assert "Say which one with id" in result["msg"]
    assert writes(server) == []
    assert run("machine", id=other["id"], state="absent")["changed"]
    assert run("machine", name="twin")["machine"]["id"] == one["id"]


@pytest.mark.parametrize(
    ("event", "options"),
    [
        ("create", NEW),
        ("start", {"name": "box", "state": "started"}),
        ("stop", {"name": "up", "state": "stopped"}),
        ("restart", {"name": "up", "state": "restarted"}),
        ("deactivate", {"name": "up", "state": "absent"}),
        ("vm-upgrade", {"name": "up", "machine_type": "A4000"}),
    ],
)
def test_what_an_event_says_of_its_failure_is_said(run, server, cloud, event, options):
    cloud.add_machine("box", "off")
    cloud.add_machine("up")
    cloud.fail_next(event, "No capacity\nin this region")
    result = run("machine", **options)
    assert result["failed"] and f"{event} failed: No capacity in this region (event 1" in result["msg"]
    # What was begun can be found.
    assert result["machine"]["id"].startswith("ps") and result["actions"]


def test_time_that_is_up_says_how_things_stand(run, server, cloud):
    cloud.event_seconds = 60
    result = run("machine", **NEW, wait_timeout=0)
    assert "is not done: create is new, after 0 s (wait_timeout). It may yet go on." in result["msg"]
    cloud.event_seconds, cloud.boot_seconds = 0, 60
    cloud.add_machine("box", "off")
    result = run("machine", name="box", state="started", wait_timeout=0)
    assert "is starting, not ready, after 0 s" in result["msg"] or "start is" in result["msg"]


def test_an_api_that_is_out_of_order_for_a_while_is_waited_for(run, server, cloud, fault, hurry):
    cloud.add_machine("box", "off")
    server.faults.add(fault("500", 20, path="/machine-events/"))
    assert run("machine", name="box", state="started")["machine"]["state"] == "ready"
    assert len(server.asked("PATCH")) == 1


# ---- once, whatever happens to the answer -------------------------------------------------------------------------

LOSSES = ("500", "502", "503", "reset", "hangup", "truncate", "half", "garbage")


@pytest.mark.parametrize(("kind", "done"), list(itertools.product(LOSSES, (True, False))))
def test_a_machine_is_made_once(run, server, cloud, fault, hurry, kind, done):
    # What spoils only the answer comes after the work in any case.
    done = done or kind in ("truncate", "half", "garbage")
    server.faults.add(fault(kind, method="POST", carried_out=done))
    result = run("machine", **NEW)
    assert result["changed"] and result["machine"]["state"] == "ready", result
    assert [one["name"] for one in cloud.machines.values()] == ["trainer"]
    assert len(server.asked("POST")) == (1 if done else 2)


@pytest.mark.parametrize("kind", ["429", "500"])
def test_a_machine_that_cannot_be_made_is_not_there(run, server, cloud, fault, hurry, kind):
    server.faults.add(fault(kind, 99, method="POST"))
    result = run("machine", **NEW)
    assert result["failed"] and "Given up after 6 tries" in result["msg"] and not cloud.machines
    assert result["machine"] == {}


def test_a_list_that_lags_behind_makes_two_and_says_so(run, server, cloud, fault, hurry, monkeypatch):
    server.faults.add(fault("hangup", method="POST", carried_out=True))
    original, hidden = cloud.things, []

    def lagging(kind):
        # Until the second request to make it has come.
        if kind == "machines" and len(cloud.machines) == 1 and len(hidden) < 3:
            hidden.append(1)
            return {}
        return original(kind)

    monkeypatch.setattr(cloud, "things", lagging)
    result = run("machine", **NEW)
    assert result["failed"] and all(machine in result["msg"] for machine in cloud.machines) and len(cloud.machines) == 2


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("kind", ["500", "hangup"])
@pytest.mark.parametrize(("state", "begins"), [("started", "off"), ("stopped", "ready"), ("restarted", "ready")])
def test_power_is_asked_for_once(run, server, cloud, fault, hurry, kind, done, state, begins):
    cloud.add_machine("box", begins)
    server.faults.add(fault(kind, method="PATCH", carried_out=done))
    result = run("machine", name="box", state=state)
    assert result["machine"]["state"] == ("off" if state == "stopped" else "ready")
    assert len(cloud.events) == 1


@pytest.mark.parametrize("done", [True, False])
def test_a_removal_is_asked_for_once(run, server, cloud, fault, hurry, done):
    cloud.add_machine("box")
    server.faults.add(fault("hangup", method="DELETE", carried_out=done))
    assert run("machine", name="box", state="absent")["changed"]
    assert len(cloud.events) == 1 and not run("machine", name="box", state="absent")["changed"]


# ---- templates ----------------------------------------------------------------------------------------------------


def test_a_template_of_a_machine(run, server, cloud):
    machine = cloud.add_machine("baker", "off")
    check, real = four(run, server, "template", name="golden", machine="baker")
    assert check["template"]["name"] == "golden"
    assert real["template"]["parent_machine_id"] == machine["id"]
    # Its distribution was waited for, too.
    assert [(event["name"], event["state"]) for event in cloud.events.values()] == [
        ("template-create", "done"),
        ("template-distribute", "done"),
    ]
    _check, real = four(run, server, "template", name="golden", state="absent")
    assert real["template"]["id"] == next(iter(cloud.templates))


def test_a_template_whose_machine_is_gone_is_still_there(run, server, cloud):
    machine = cloud.add_machine("baker", "off")
    cloud.add_template("golden", machine)
    cloud.delete(machine)
    assert not run("template", name="golden", machine_id=machine["id"])["changed"]
    assert not run("template", name="golden", machine="baker")["changed"]


def test_another_machines_template_of_that_name_is_no_success(run, server, cloud):
    one, other = cloud.add_machine("old"), cloud.add_machine("new")
    cloud.add_template("golden", one)
    result = run("template", name="golden", machine="new")
    assert f"made from machine {one['id']}, not from {other['id']}" in result["msg"]
    assert result["template"]["parent_machine_id"] == one["id"] and writes(server) == []


@pytest.mark.parametrize("event", ["template-create", "template-distribute"])
def test_of_a_template_that_fails_nothing_is_left(run, server, cloud, event):
    cloud.add_machine("baker", "off")
    cloud.fail_next(event, "Disk could not be read")
    result = run("template", name="golden", machine="baker")
    assert f"{event} failed: Disk could not be read" in result["msg"]
    assert "The half-made template 'golden'" in result["msg"] and result["msg"].endswith("was removed.")
    assert all(template["dtDeleted"] for template in cloud.templates.values())
    assert run("template", name="golden", machine="baker")["changed"]


def test_a_half_made_template_that_stays_is_named(run, server, cloud, fault, hurry):
    cloud.add_machine("baker", "off")
    cloud.fail_next("template-create", "Disk could not be read")
    server.faults.add(fault("403", method="DELETE"))
    result = run("template", name="golden", machine="baker")
    (template,) = cloud.templates
    assert template in result["msg"] and "could not be removed, and is still there" in result["msg"]
    # The next run does not take it for a template.
    result = run("template", name="golden", machine="baker")
    assert "is there and of no use: template-create failed" in result["msg"] and result["template"]["id"] == template


def test_a_template_that_somebody_is_making_is_waited_for(run, server, cloud):
    cloud.add_machine("baker", "off")
    begun = run("template", name="golden", machine="baker", wait=False)
    assert begun["changed"] and next(iter(cloud.events.values()))["state"] in ("new", "in progress")
    assert not run("template", name="golden", machine="baker")["changed"]
    assert all(event["state"] == "done" for event in cloud.events.values())


def test_another_templates_failure_is_not_this_ones(run, server, cloud):
    cloud.add_machine("baker", "off")
    run("template", name="first", machine="baker")
    # A time of its own: they are told apart by the nearest event.
    cloud._count += 1000
    cloud.fail_next("template-create", "No space")
    assert run("template", name="second", machine="baker")["failed"]
    assert not run("template", name="first", machine="baker").get("failed")


@pytest.mark.parametrize(("kind", "done"), [("500", True), ("500", False), ("hangup", True), ("half", True)])
def test_a_template_is_made_once(run, server, cloud, fault, hurry, kind, done):
    cloud.add_machine("baker", "off")
    server.faults.add(fault(kind, method="POST", carried_out=done))
    assert run("template", name="golden", machine="baker")["changed"]
    assert len(cloud.templates) == 1
    assert {event["state"] for event in cloud.events.values()} == {"done"}


def test_templates_of_one_name_are_told_apart_by_region_and_id(run, server, cloud):
    here = cloud.add_template("golden", cloud.add_machine("a"))
    there = cloud.add_template("golden", cloud.add_machine("b", region="ca1"))
    result = run("template", name="golden", state="absent")
    assert here["id"] in result["msg"] and there["id"] in result["msg"] and "Say which one with id" in result["msg"]
    assert run("template", name="golden", region="West Coast (CA1)", state="absent")["template"]["id"] == there["id"]
    four(run, server, "template", id=here["id"], name="silver")
    assert here["name"] == "silver"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "golden"}, "is not there, and machine or machine_id must say what to make it from"),
        ({"name": "golden", "machine": "nobody"}, "is not there, and there is no machine 'nobody'"),
        ({"id": "tnone", "name": "x"}, "there is no template with the id 'tnone'"),
        ({"name": "golden", "machine": "baker", "region": "ca1"}, "is in ny2, not in ca1"),
    ],
)
def test_what_lacks_for_a_template_is_said(run, server, cloud, options, said):
    cloud.add_machine("baker")
    assert said in run("template", **options)["msg"]


# ---- scripts and lists --------------------------------------------------------------------------------------------


def test_a_startup_script_is_told_by_its_digest(run, server, cloud):
    text = "#!/bin/sh\nexit 0\n"
    _check, real = four(run, server, "startup_script", name="hello", script=text)
    script = real["startup_script"]
    assert script["name"].startswith("hello-") and cloud.texts[script["id"]] == text
    run("machine", **NEW, startup_script_id=script["id"])
    _check, real = four(run, server, "startup_script", name="hello", script=text + "# more\n", run_once=True)
    assert real["startup_script"]["id"] == script["id"] and real["startup_script"]["is_run_once"]
    assert len(real["startup_script"]["assigned_machine_ids"]) == 1
    assert cloud.texts[script["id"]].endswith("# more\n")
    cloud.create_script({"name": "hello-world", "script": ""})
    four(run, server, "startup_script", name="hello", state="absent")
    assert [one["name"] for one in cloud.scripts.values() if not one["dtDeleted"]] == ["hello-world"]


def test_two_scripts_kept_under_one_name(run, server, cloud):
    for digits in ("0" * 12, "1" * 12):
        cloud.create_script({"name": f"hello-{digits}", "script": ""})
    assert "2 startup scripts are kept as 'hello'" in run("startup_script", name="hello", script="x")["msg"]


def test_lists(run, server, cloud):
    cloud.add_machines(130)
    baker = cloud.add_machine("baker", region="ca1")
    cloud.add_template("golden", baker)
    cloud.add_network("lab")
    run("machine", name="baker", state="stopped")
    every = ["machines", "templates", "os_templates", "networks", "startup_scripts", "events"]
    found = run("info", gather=every)
    assert [len(found[kind]) for kind in every] == [131, 1, 2, 1, 0, 1]
    assert not found["changed"]
    found = run("info", gather=["machines", "templates", "networks"], name="baker", region="West Coast (CA1)")
    assert [one["id"] for one in found["machines"]] == [baker["id"]]
    assert found["templates"] == found["networks"] == []
    assert found["machines"][0]["machine_type"] == "C5"
    assert "is no region" in run("info", region="x")["msg"]


# ---- the key ------------------------------------------------------------------------------------------------------


def test_the_key_is_in_nothing_that_is_printed(run, server, cloud, fault, monkeypatch):
    cloud.add_machine("box", os=f"has {server.key} in it")
    run("machine", name="box")
    server.faults.add(fault("echo"))
    run("machine", name="box")
    monkeypatch.setenv("PAPERSPACE_API_KEY", server.key)
    monkeypatch.setenv("PAPERSPACE_API_URL", server.url)
    result = run("info", api_key=None, api_url=None)
    assert [one["name"] for one in result["machines"]] == ["box"]
    assert all(said and server.key not in said for said in run.said)


# ---- as it is really run ------------------------------------------------------------------------------------------

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/mlinabox.core.paperspace: {api_timeout: 5}
  tasks:
    - mlinabox.core.paperspace_machine: &machine
        name: !unsafe "{{ 6 * 7 }}"
        state: stopped
        machine_type: C5
        template: Ubuntu 22.04
        region: ny2
        disk_size: 50
        wait_interval: 0.05
      register: real
    - mlinabox.core.paperspace_machine: *machine
      register: again
    - ansible.builtin.copy:
        content: "{{ {'real': real, 'again': again} | to_json }}"
        dest: "{{ result }}"
"""


@pytest.mark.programs
def test_in_a_playbook(server, cloud, tmp_path):
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    command = ["ansible-playbook", "-i", "localhost,", "-c", "local", "-e", f"result={tmp_path}/result", "play.yml"]
    done = subprocess.run(
        [
            Path(sys.executable).with_name(command[0]),
            *command[1:],
            "-e",
            f"ansible_python_interpreter={sys.executable}",
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_HOME": str(tmp_path / "home"),
            "PAPERSPACE_API_KEY": server.key,
            "PAPERSPACE_API_URL": server.url,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "result").read_text())
    assert [result["real"]["changed"], result["again"]["changed"]] == [True, False]
    # A name that looks like a template is a name.
    assert result["again"]["machine"]["name"] == "{{ 6 * 7 }}" == next(iter(cloud.machines.values()))["name"]
    assert server.key not in done.stdout + done.stderr + (tmp_path / "result").read_text()

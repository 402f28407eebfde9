"""./box doctor over several hosts at once: one that is well, one that is broken, one that is not there."""

import json
import re
import subprocess

import gpu_hosts
import pytest
from conftest import changes, files

IMAGES = {"well": "debian12", "broken": "debian11", "gone": "debian11"}
VARIABLES = {name: {"doctor_root": gpu_hosts.ROOT, "ansible_ssh_timeout": 3} for name in IMAGES}


@pytest.fixture(scope="module")
def hosts(fleet, tmp_path_factory):
    """The hosts, with the GPU boxes that they stand for."""
    folder = tmp_path_factory.mktemp("boxes")
    gpu_hosts.put(
        fleet.hosts["well"], gpu_hosts.box("NVIDIA A100-SXM4-40GB", "535.129.03", "debian12"), folder / "well"
    )
    gpu_hosts.put(fleet.hosts["broken"], "library-upgraded-under-r460", folder / "broken")
    subprocess.run(["docker", "stop", "--time", "0", fleet.hosts["gone"].container], check=True, capture_output=True)
    return fleet.hosts


def tables(output):
    """Tables that were printed: [(host that printed it, lines)], the columns of a line a list of str."""
    shown = re.findall(r'^ok: \[(\w+)\] => \{\n +"msg": (".*")\n\}', output, re.MULTILINE)
    split = [
        (host, [re.split(r" {2,}", line.rstrip()) for line in json.loads(text).splitlines()]) for host, text in shown
    ]
    return [(host, rows) for host, rows in split if len(rows) > 1 and set(rows[1][0]) == {"-"}]


def test_each_host_has_its_table_and_one_line_in_that_of_all(fleet, hosts):
    before = {name: files(hosts[name]) for name in ("well", "broken")}
    run = fleet.box("doctor")
    assert run.status == 2, "something is broken"
    *own, (_who, fleet_rows) = tables(run.output)
    found = {host: {row[0]: row[1:] for row in rows} for host, rows in own}
    assert set(found) == {"well", "broken"}
    assert found["broken"]["kernel module"][0] == "ok"
    assert found["broken"]["library"][0].lower() == "broken"
    assert "460.56" in found["broken"]["library"][1] and "460.73.01" in found["broken"]["library"][1]
    assert "broken" not in {row[0].lower() for row in found["well"].values()}
    summary = {row[0]: row[1:] for row in fleet_rows[2:]}
    assert summary["well"][:4] == ["ok", "-", "1", "535.129.03"]
    assert summary["broken"][:4] == ["BROKEN", "library", "2", "460.56"]
    assert summary["gone"][0] == "UNREACHABLE"
    assert {host for host, _result in run.failures} == {"broken", "gone"}
    assert {name: changes(before[name], files(hosts[name])) for name in before} == {"well": [], "broken": []}


def test_a_host_that_is_well_ends_well(fleet, hosts):
    fleet.box("doctor", "--limit", "well").well()


def test_what_needs_an_answer_is_listed_where_nobody_can_give_one(fleet, hosts):
    before = files(hosts["broken"])
    run = fleet.box("doctor", "--fix", "--limit", "broken")
    assert run.status == 2
    said = run.output.partition("Not done:")[2]
    assert re.search("restart|reboot", said.splitlines()[0], re.IGNORECASE)
    assert changes(before, files(hosts["broken"])) == []

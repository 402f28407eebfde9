"""What cannot work on a GPU box is refused before a byte is fetched, in one line that names what would."""

import re

import gpu_hosts
import pytest
from conftest import changes, files

A100, H100, M4000 = "NVIDIA A100-SXM4-40GB", "NVIDIA H100 80GB HBM3", "Quadro M4000"

#: Host -> its GPU and driver, what is asked for, and what the message has to say.
CASES = {
    # An H100 with the stack of 2022.
    "h100": ((H100, "535.129.03"), {"stack_name": "2022"}, ("H100", "9.0", "torch 1.12.1", "stack_name=2023")),
    # An A100 with torch 1.12.1 as the package index has it.
    "a100": (
        (A100, "515.65.01"),
        {"stack_name": "2022", "pip_stack_variant": "cpu"},
        ("A100", "8.0", "torch 1.12.1", "pip_stack_variant=cuda"),
    ),
    "m4000": (
        (M4000, "580.95.05"),
        {"stack_name": "2023", "cuda_releases": ["13.0.2"]},
        ("M4000", "5.2", "CUDA 13.0.2", "Stack 2023, variant cuda, with its own CUDA 12"),
    ),
    "r470": (
        (A100, "470.256.02"),
        {"stack_name": "2023", "cuda_releases": ["12.3.2"]},
        ("470.256.02", "525.60.13", "stack_name=2022"),
    ),
}
IMAGES = dict.fromkeys(CASES, "debian11")
VARIABLES = {name: {"nvidia_check_root": gpu_hosts.ROOT, **asked} for name, (_box, asked, _said) in CASES.items()}
MIRROR = ("cuda",)


@pytest.fixture(scope="module")
def refused(fleet, tmp_path_factory):
    """What ./box site says of hosts that have no way out, and what it changed there (dicts by name: str and list)."""
    before, routes = {}, {}
    for name, host in fleet.hosts.items():
        gpu_hosts.put(host, gpu_hosts.box(*CASES[name][0]), tmp_path_factory.mktemp("box") / name)
        before[name] = files(host)
        routes[name] = host.sh("ip route show default").split("\n")[0].split()
        host.run("ip", "route", "del", "default")
    try:
        run = fleet.box("site")
    finally:
        for name, host in fleet.hosts.items():
            host.run("ip", "route", "add", *routes[name])
    assert run.status
    return (
        {name: result["msg"] for name, result in run.failures},
        {name: changes(before[name], files(host)) for name, host in fleet.hosts.items()},
    )


def test_the_message_names_what_why_and_what_would_work(refused, each):
    message = refused[0][each]
    assert "\n" not in message
    for part in CASES[each][2]:
        assert part in message


def test_nothing_was_fetched_or_changed(refused, each, fleet, mirror):
    assert refused[1][each] == []
    assert mirror.requests() == []
    found = fleet.hosts[each].sh("find /var/lib/apt/lists /opt -type f ! -path /var/lib/apt/lists/lock")
    assert found == ""


def test_what_the_message_names_is_not_refused(refused, fleet):
    named = re.search(r"stack_name=(\d+)", refused[0]["h100"])[1]
    # Without a certificate of its own the network needs nothing.
    asked = ("-e", f"stack_name={named}", "-e", "network_ca_bundle=")
    run = fleet.box("site", "--limit", "h100", "--tags", "nvidia_check", "--check", *asked).well()
    assert "GPU box: " in run.output

# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests as they go over a wire, to a stand-in that has bad days."""

from __future__ import annotations

import time

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._paperspace_api import Api
from ansible_collections.mlinabox.core.plugins.module_utils._paperspace_errors import ApiError
from ansible_collections.mlinabox.core.plugins.module_utils._paperspace_http import send
from ansible_collections.mlinabox.core.plugins.module_utils._paperspace_retry import Retries


def api_of(server, timeout=2.0, attempts=3, **more):
    return Api(send, server.key, server.url, timeout, Retries(attempts=attempts, first=0.01), **more)


@pytest.mark.parametrize("long_regions", [False, True])
def test_300_machines_are_three_pages(cloud, server, long_regions):
    cloud.long_regions = long_regions
    cloud.add_machines(300)
    machines = api_of(server).all("machines")
    assert sorted(one["name"] for one in machines) == [f"box-{number:03}" for number in range(300)]
    assert [query["limit"] for _method, _path, query, _status in server.asked()] == ["120"] * 3
    assert {one["region"] for one in machines} == (
        {"East Coast (NY2)", "West Coast (CA1)", "Europe (AMS1)"} if long_regions else {"ny2", "ca1", "ams1"}
    )


@pytest.mark.parametrize("kind", ["429", "500", "502", "503", "truncate", "half", "garbage", "reset", "hangup"])
def test_two_bad_moments_in_the_middle_of_a_list(cloud, server, fault, kind):
    cloud.add_machines(130)
    server.faults.add(fault(kind, 2, path="/machines"))
    assert len(api_of(server).all("machines")) == 130


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("429", "429 TOO_MANY_REQUESTS: Rate limit exceeded."),
        ("500", "500 INTERNAL_SERVER_ERROR: Something broke."),
        ("502", "502: no reason given."),
        ("truncate", r"the answer ended after \d+ of \d+ bytes"),
        ("half", r"the answer \(\d+ bytes\) is no whole JSON"),
        ("garbage", r"the answer \(\d+ bytes\) is no whole JSON"),
        ("reset", r"the connection broke \(Connection reset by peer\)"),
        ("hangup", r"the connection broke \(Remote end closed"),
        ("401", "401 UNAUTHORIZED: Invalid API key. Is PAPERSPACE_API_KEY"),
        ("403", "403 FORBIDDEN: Not for you. The key's owner may not"),
        ("error200", "BAD_REQUEST: Not today."),
        ("same_page", "gave a page of the list twice"),
        ("circle", "gave a page of the list twice"),
    ],
)
def test_a_bad_day_is_one_line(cloud, server, fault, kind, said):
    cloud.add_machines(3)
    server.faults.add(fault(kind, 99))
    with pytest.raises(ApiError, match=said) as caught:
        api_of(server).all("machines")
    assert "\n" not in str(caught.value) and server.key not in str(caught.value)


def test_the_key_that_is_sent_back_is_not_shown(server, fault):
    server.faults.add(fault("echo"))
    with pytest.raises(ApiError, match=r"Bad header: Bearer \*{8}") as caught:
        api_of(server).get("machines")
    assert server.key not in str(caught.value)


@pytest.mark.parametrize(("kind", "seconds"), [("slow", 2.0), ("drip", 0.05)])
def test_an_answer_has_its_time_and_no_more(cloud, server, fault, kind, seconds):
    cloud.add_machines(5)
    server.faults.add(fault(kind, 9, seconds=seconds))
    began = time.monotonic()
    with pytest.raises(ApiError, match=r"no whole answer within 0\.3 s"):
        api_of(server, timeout=0.3, attempts=2).all("machines")
    assert time.monotonic() - began < 1.8


def test_the_key_follows_no_redirect(server, fault):
    server.faults.add(fault("redirect"))
    with pytest.raises(ApiError, match="302, sent on to another address"):
        api_of(server).get("machines")


def test_a_login_in_netrc_does_not_take_the_keys_place(server, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert api_of(server).all("machines") == []


def test_nobody_there(server):
    told = []
    api = Api(send, server.key, "http://127.0.0.1:9/v1", 1, Retries(attempts=2, first=0.01), tell=told.append)
    with pytest.raises(ApiError, match=r"the connection broke \(Connection refused\)\. Given up after 2 tries"):
        api.get("machines")
    assert len(told) == 1 and "Again in" in told[0]


def test_retry_after_is_waited_for(server, fault):
    server.faults.add(fault("429", retry_after=1))
    began = time.monotonic()
    api_of(server).get("machines")
    assert 1.0 <= time.monotonic() - began < 2.5


def test_a_wrong_argument_is_told_field_by_field(server):
    with pytest.raises(ApiError, match=r"Input validation failed; diskSize: is required; machineType: is required"):
        api_of(server).change("POST", ["machines"], {"name": "x", "region": "ny2", "templateId": "t"}, lambda: None)


def test_what_is_made_meanwhile_moves_nothing(cloud, server):
    cloud.add_machines(125)
    api = api_of(server)
    page = api.get("machines", limit=120, orderBy="dtCreated", order="asc")
    cloud.add_machine("newborn")
    rest = api.get("machines", limit=120, orderBy="dtCreated", order="asc", after=page["nextPage"])
    assert len(page["items"]) + len(rest["items"]) == 126
    assert rest["items"][-1]["name"] == "newborn" and not rest["hasMore"]

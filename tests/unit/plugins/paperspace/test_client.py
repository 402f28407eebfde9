# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client's pure half: spellings, pages, pauses, errors, and what is asked for again."""

from __future__ import annotations

import json
from email.utils import formatdate

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _paperspace_regions as regions
from ansible_collections.mlinabox.core.plugins.module_utils._paperspace_api import (
    Answer,
    Api,
    Broken,
    checked_address,
    checked_key,
)
from ansible_collections.mlinabox.core.plugins.module_utils._paperspace_errors import (
    ApiError,
    PaperspaceError,
    described,
    is_error,
    scrubbed,
)
from ansible_collections.mlinabox.core.plugins.module_utils._paperspace_facts import accelerators, gigabytes, snake
from ansible_collections.mlinabox.core.plugins.module_utils._paperspace_pages import collect
from ansible_collections.mlinabox.core.plugins.module_utils._paperspace_retry import Retries, retry_after
from hypothesis import given, settings
from hypothesis import strategies as st

KEY = "psk-0123/+=abc"

# ---- regions and fields -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("ny2", "ny2"),
        ("NY2", "ny2"),
        ("East Coast (NY2)", "ny2"),
        ("West Coast (CA1)", "ca1"),
        ("Europe (AMS1)", "ams1"),
        (" Europe ( ams1 ) ", "ams1"),
        ("(AMS1)", "ams1"),
        (None, ""),
        ("", ""),
        ("Atlantis", "atlantis"),
    ],
)
def test_region_spellings(said, name):
    assert regions.short(said) == name
    assert regions.same(said, name)
    assert regions.short(name) == name


@pytest.mark.parametrize("said", ["Atlantis", "", "East Coast", "ny2; rm", "(NY2) (CA1)", "ny"])
def test_what_is_no_region(said):
    with pytest.raises(PaperspaceError, match="is no region: write it as ny2"):
        regions.check(said)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("publicIpType", "public_ip_type"),
        ("id", "id"),
        ("dtCreated", "dt_created"),
        ("defaultSizeGb", "default_size_gb"),
        ("autoSnapshotSaveCount", "auto_snapshot_save_count"),
        ("isRunOnce", "is_run_once"),
    ],
)
def test_snake_case(name, expected):
    assert snake(name) == expected


@pytest.mark.parametrize(
    ("total", "size"),
    [(53687091200, 50), (50 * 10**9, 50), (2000 * (1 << 30), 2000), (50, 50), (0, None), (None, None), ("50", None)],
)
def test_a_disk_as_it_was_ordered(total, size):
    assert gigabytes(total) == size


@pytest.mark.parametrize("said", [None, [], {}, "A100", [None], [{"count": 1}], [{"name": ""}], [{"name": 7}]])
def test_no_accelerators_in_what_has_none(said):
    assert accelerators({"accelerators": said}) == []
    assert accelerators({}) == []


# ---- pages --------------------------------------------------------------------------------------------------------


def pages_of(pages):
    """A list whose pages are [(ids, next cursor or None)]; the cursor is the number of the page."""

    def fetch(cursor):
        ids, following = pages[int(cursor or 0)]
        return {"hasMore": following is not None, "items": [{"id": one} for one in ids], "nextPage": following}

    return fetch


@given(st.lists(st.lists(st.integers(), max_size=4), max_size=6))
def test_all_pages_are_one_list(pages):
    # Each number once: what comes twice is another case.
    seen = set()
    pages = [[one for one in page if not (one in seen or seen.add(one))] for page in pages] or [[]]
    numbered = [
        ([str(one) for one in page], str(at + 1) if at + 1 < len(pages) else None) for at, page in enumerate(pages)
    ]
    assert [one["id"] for one in collect(pages_of(numbered), "things")] == [str(one) for page in pages for one in page]


def test_what_moved_to_the_next_page_meanwhile_comes_once():
    found = collect(pages_of([("ab", "1"), ("bc", "2"), ("d", None)]), "things")
    assert [one["id"] for one in found] == list("abcd")


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ([("ab", "1"), ("ab", "2"), ("c", None)], "gave a page of the list twice"),
        ([("a", ""), ("b", None)], "and not where"),
        ([("a", 5), ("b", None)], "and not where"),
    ],
)
def test_a_list_that_is_not_one(pages, said):
    with pytest.raises(ApiError, match=said):
        collect(pages_of(pages), "things")


def test_a_cursor_that_comes_again():
    numbers = iter(range(9))
    with pytest.raises(ApiError, match="goes round in a circle"):
        collect(lambda cursor: {"hasMore": True, "items": [{"id": str(next(numbers))}], "nextPage": "1"}, "things")


def test_a_list_without_an_end():
    numbers = iter(range(10**6))
    with pytest.raises(ApiError, match="does not end after 1000 pages"):
        collect(lambda cursor: {"hasMore": True, "items": [], "nextPage": str(next(numbers))}, "things")


@pytest.mark.parametrize(
    "page",
    [
        None,
        [],
        {},
        {"items": []},
        {"hasMore": False},
        {"hasMore": False, "items": {}},
        {"hasMore": False, "items": [{}]},
        {"hasMore": False, "items": [{"id": 5}]},
        {"hasMore": False, "items": ["id"]},
    ],
)
def test_what_is_no_page(page):
    with pytest.raises(ApiError, match=r"no page of a list|without an id"):
        collect(lambda cursor: page, "machines")


# ---- pauses -------------------------------------------------------------------------------------------------------


@given(attempt=st.integers(0, 30), chance=st.floats(0, 1))
def test_a_pause_is_never_long_nor_nothing(attempt, chance):
    retries = Retries(attempts=31, first=0.5, longest=20, chance=lambda: chance)
    pause = retries.pause(attempt)
    if attempt == 30:
        assert pause is None
    else:
        assert 0.25 <= pause <= 20
        assert min(20, 0.5 * 2**attempt) / 2 <= pause <= min(20, 0.5 * 2**attempt)


@pytest.mark.parametrize(("after", "least", "most"), [(0, 0, 0.5), (3, 3, 3.5), (180, 180, 180.5)])
def test_what_the_answer_asks_for_is_kept(after, least, most):
    assert least <= Retries().pause(0, after) <= most


def test_what_asks_for_too_long_is_not_waited_for():
    assert Retries(patience=180).pause(0, 181) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        (" 0 ", 0),
        (formatdate(1_000_060, usegmt=True), 60),
        (formatdate(999_000, usegmt=True), 0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(text, seconds):
    assert retry_after(text, 1_000_000) == seconds


# ---- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "data", "said"),
    [
        (404, {"code": "NOT_FOUND", "message": "No machine"}, "404 NOT_FOUND: No machine."),
        (400, {"code": "BAD_REQUEST", "message": "Bad.", "details": {"a": 1}}, '400 BAD_REQUEST: Bad.; {"a": 1}.'),
        (
            400,
            {
                "code": "BAD_REQUEST",
                "message": "Input validation failed",
                "issues": [{"path": ["diskSize"], "message": "Required"}, {"message": "Odd"}],
            },
            "400 BAD_REQUEST: Input validation failed; diskSize: Required; Odd.",
        ),
        (401, {"code": "UNAUTHORIZED", "message": "No"}, "401 UNAUTHORIZED: No. Is PAPERSPACE_API_KEY"),
        (500, None, "500: no reason given."),
        (429, [], "429 TOO_MANY_REQUESTS: no reason given."),
        (400, {"message": "two\n\tlines\x1b[31m red"}, "400 BAD_REQUEST: two lines [31m red."),
        (400, {"message": "x" * 10_000}, "400 BAD_REQUEST: " + "x" * 400),
    ],
)
def test_an_error_is_one_line(status, data, said):
    text = described(status, data)
    assert text.startswith(said)
    assert "\n" not in text and "\x1b" not in text and len(text) < 700


@pytest.mark.parametrize(
    ("status", "data", "expected"),
    [
        (200, {"code": "X", "message": "m"}, True),
        (200, {"code": "X", "message": "m", "details": {}, "issues": []}, True),
        (200, {"code": "X", "message": "m", "id": "1"}, False),
        (200, {"message": "m"}, False),
        (200, None, False),
        (500, {}, True),
    ],
)
def test_what_is_an_error(status, data, expected):
    assert is_error(status, data) is expected


def test_a_key_is_found_in_all_its_forms():
    text = f"plain {KEY}, address psk-0123%2F%2B%3Dabc, JSON {json.dumps(KEY)}"
    assert scrubbed(text, KEY) == 'plain ********, address ********, JSON "********"'


@settings(max_examples=60, deadline=None)
@given(
    key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=40),
    status=st.sampled_from([200, 301, 400, 401, 404, 429, 500]),
    where=st.sampled_from(["message", "code", "details", "issues", "raw", "broken"]),
)
def test_no_error_has_the_key_in_it(key, status, where):
    def transport(method, url, headers, body, timeout):
        echoed = headers["Authorization"]
        if where == "broken":
            raise Broken(f"could not send {echoed}")
        fields = {"code": "C", "message": "m", where: [{"message": echoed}] if where == "issues" else echoed}
        return Answer(status, {}, echoed.encode() if where == "raw" else json.dumps(fields).encode())

    lines = []
    api = Api(transport, key, tell=lines.append, sleep=lambda seconds: None)
    try:
        api.get("machines", key)
    except ApiError as error:
        lines.append(str(error))
    assert not any(key in line for line in lines)


# ---- addresses and keys -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("https://api.paperspace.com/v1", "https://api.paperspace.com/v1"),
        (" https://proxy.example.org:8443/paperspace/v1/ ", "https://proxy.example.org:8443/paperspace/v1"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://localhost/v1", "http://localhost/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
    ],
)
def test_addresses(address, taken):
    assert checked_address(address) == taken


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://api.example.org/v1", "must begin with https"),
        ("http://127.0.0.1.example.org/v1", "must begin with https"),
        ("https://user:secret@api.example.org/v1", "must not hold a user or a password"),
        ("api.example.org/v1", "is no address"),
        ("ftp://api.example.org", "is no address"),
        ("https://", "is no address"),
        ("https://api.example.org:port/", "is no address"),
        ("https://api.example.org/v1?key=1", "is no address"),
        ("", "is no address"),
        (None, "is no address"),
    ],
)
def test_addresses_that_are_refused(address, said):
    with pytest.raises(ValueError, match=said) as caught:
        checked_address(address)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["", " ", None, "two words", "line\nbreak", "schlüssel", "tab\tbed", "nul\x00"])
def test_keys_that_are_refused(key):
    with pytest.raises(ValueError, match="API key") as caught:
        checked_key(key)
    assert not (key or "").strip() or key not in str(caught.value)


def test_a_key_loses_the_blanks_of_a_file():
    assert checked_key(" psk-1\n") == "psk-1"


# ---- what is asked for again --------------------------------------------------------------------------------------


class Wire:
    """A transport that answers what it was given, in turn; the last answer stays."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def __call__(self, method, url, headers, body, timeout):
        self.asked.append((method, url.partition("/v1")[2], json.loads(body) if body else None))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Broken):
            raise answer
        return answer


def ok(data):
    return Answer(200, {}, json.dumps(data).encode())


def status(code, **headers):
    return Answer(code, headers, b'{"code": "C", "message": "m"}')


LOST, REFUSED = Broken("the connection broke"), Broken("refused", sent=False)
HALF = Answer(200, {}, b'{"data": {"id"')


def api_of(wire, pauses=None):
    return Api(wire, KEY, sleep=(pauses if pauses is not None else []).append)


@pytest.mark.parametrize("trouble", [status(429), status(500), status(503), status(408), LOST, REFUSED, HALF])
def test_looking_is_done_again(trouble):
    wire = Wire(trouble, trouble, ok({"id": "1"}))
    pauses = []
    assert api_of(wire, pauses).get("machines", "1") == {"id": "1"}
    assert len(wire.asked) == 3 and len(pauses) == 2


@pytest.mark.parametrize("trouble", [status(400), status(401), status(403), status(404), status(409), status(302)])
def test_what_will_not_get_better_is_not_asked_again(trouble):
    wire = Wire(trouble)
    with pytest.raises(ApiError) as caught:
        api_of(wire).get("machines")
    assert len(wire.asked) == 1 and not caught.value.passing


def test_it_ends_at_some_time_and_says_how_often():
    wire = Wire(status(500))
    with pytest.raises(ApiError, match="Given up after 6 tries"):
        api_of(wire).get("machines")
    assert len(wire.asked) == 6


def test_retry_after_is_waited_for():
    pauses = []
    api_of(Wire(status(429, **{"retry-after": "7"}), ok({})), pauses).get("machines")
    assert 7 <= pauses[0] <= 8


def test_a_retry_after_beyond_all_patience_ends_it():
    wire = Wire(status(429, **{"retry-after": "86400"}))
    with pytest.raises(ApiError, match="asks to wait 86400 s"):
        api_of(wire).get("machines")
    assert len(wire.asked) == 1


def test_setting_is_done_again():
    wire = Wire(LOST, ok({"id": "1"}))
    assert api_of(wire).put("machines", "1", name="a") == {"id": "1"}
    assert wire.asked == [("PUT", "/machines/1", {"name": "a"})] * 2


@pytest.mark.parametrize("trouble", [status(429), REFUSED])
def test_what_was_never_begun_is_asked_again_without_a_look(trouble):
    wire = Wire(trouble, ok({"id": "1"}))
    api_of(wire).change("POST", ["machines"], {}, lambda: pytest.fail("nothing to look for"))
    assert len(wire.asked) == 2


@pytest.mark.parametrize("trouble", [status(500), status(504), LOST, HALF])
def test_what_may_have_been_done_is_looked_for_first(trouble):
    wire = Wire(trouble)
    assert api_of(wire).change("POST", ["machines"], {}, lambda: {"id": "found"}) == {"id": "found"}
    assert len(wire.asked) == 1


def test_what_was_not_done_is_asked_for_again():
    wire, looks = Wire(LOST, LOST, ok({"id": "made"})), []
    assert api_of(wire).change("POST", ["machines"], {}, lambda: looks.append(1)) == {"id": "made"}
    assert len(wire.asked) == 3 and len(looks) == 2


def test_after_the_last_try_it_is_looked_for_once_more():
    wire, looks = Wire(LOST), []

    def done():
        looks.append(1)
        return {"id": "late"} if len(looks) == 6 else None

    assert api_of(wire).change("POST", ["machines"], {}, done) == {"id": "late"}
    assert len(wire.asked) == 6


def test_where_the_look_fails_too_both_are_said():
    def done():
        raise ApiError("the look failed.")

    with pytest.raises(ApiError, match=r"broke\. Whether that was carried out all the same is not known: the look"):
        api_of(Wire(LOST)).change("POST", ["machines"], {}, done)


def test_an_id_stays_one_part_of_the_path():
    wire = Wire(ok({}))
    api_of(wire).get("machines", "../templates?x=1#y")
    assert wire.asked[0][1] == "/machines/..%2Ftemplates%3Fx%3D1%23y"

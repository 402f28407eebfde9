"""A wheelhouse: which files are chosen, what is fetched from an index, what a second run finds."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import re
import shutil
import threading

import pytest
import wheelhouse
from wheelhousing import index as index_module
from wheelhousing.choice import File, best
from wheelhousing.collection import Pin
from wheelhousing.errors import WheelhouseError
from wheelhousing.fetch import require_space
from wheelhousing.index import Index, index_address, retried
from wheelhousing.locks import CONTROLLER_PYTHONS, Need, release_pythons, stack_needs
from wheelhousing.plan import Wanted

WHEELS = [
    "thing-1.0-py3-none-any.whl",
    "thing-1.0-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "thing-1.0-cp39-cp39-manylinux_2_28_x86_64.whl",
    "thing-1.0-cp39-cp39-manylinux_2_31_x86_64.whl",
    "thing-1.0-cp39-cp39-manylinux1_x86_64.whl",
    "thing-1.0-cp39-cp39-musllinux_1_1_x86_64.whl",
    "thing-1.0-cp39-cp39-win_amd64.whl",
    "thing-1.0-cp310-cp310-manylinux_2_17_x86_64.whl",
    "thing-1.0-cp36-abi3-manylinux_2_17_x86_64.whl",
    "thing-1.0-pp39-pypy39_pp73-manylinux_2_17_x86_64.whl",
    "thing-1.0-2-py3-none-any.whl",
    "thing-1.0.tar.gz",
    "thing-1.0.zip",
]


def digest_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def file_of(name, told=True):
    return File(name, f"https://files.example.org/{name}", digest_of(name) if told else "")


def pin_of(*names, version="1.0"):
    return Pin("thing", version, tuple(sorted(f"sha256:{digest_of(name)}" for name in names)))


@pytest.mark.parametrize(
    ("allowed", "python", "chosen"),
    [
        # The best tag of all that fit; 2.31 is newer than what locks are for.
        (WHEELS, "3.9", "thing-1.0-cp39-cp39-manylinux_2_28_x86_64.whl"),
        (WHEELS, "3.10", "thing-1.0-cp310-cp310-manylinux_2_17_x86_64.whl"),
        (WHEELS, "3.12", "thing-1.0-cp36-abi3-manylinux_2_17_x86_64.whl"),
        (WHEELS[3:7], "3.9", "thing-1.0-cp39-cp39-manylinux1_x86_64.whl"),
        (WHEELS[5:7], "3.9", None),
        # Only what the lock allows, be others ever so fitting.
        (["thing-1.0-py3-none-any.whl", "thing-1.0.tar.gz"], "3.9", "thing-1.0-py3-none-any.whl"),
        (["thing-1.0-py3-none-any.whl", "thing-1.0-2-py3-none-any.whl"], "3.9", "thing-1.0-2-py3-none-any.whl"),
        # No wheel that fits: the source; an archive that every pip reads first.
        (["thing-1.0-cp39-cp39-win_amd64.whl", "thing-1.0.tar.gz", "thing-1.0.zip"], "3.9", "thing-1.0.tar.gz"),
        (["thing-1.0-cp39-cp39-manylinux_2_31_x86_64.whl", "thing-1.0.zip"], "3.9", "thing-1.0.zip"),
        (["thing-1.0-cp39-cp39-win_amd64.whl"], "3.9", None),
        ([], "3.9", None),
    ],
)
def test_the_file_of_a_pin(allowed, python, chosen):
    found = best([file_of(name) for name in WHEELS], pin_of(*allowed), python)
    assert (found and found.name) == chosen


@pytest.mark.parametrize(
    ("names", "version", "chosen"),
    [
        (WHEELS, "1.0", "thing-1.0-cp39-cp39-manylinux_2_28_x86_64.whl"),
        (["thing-1.0.0-py3-none-any.whl", "thing-1.1-py3-none-any.whl"], "1.0", "thing-1.0.0-py3-none-any.whl"),
        (["thing-1.1-py3-none-any.whl", "other-1.0-py3-none-any.whl"], "1.0", None),
        (["thing-1.0+ab.1-py3-none-any.whl"], "1.0", None),
        (["not a name.whl", "thing-x.tar.gz", "thing-1.0.tar.bz2", "thing-1.0.tar.gz"], "1.0", "thing-1.0.tar.gz"),
    ],
)
def test_an_index_that_tells_no_hashes_is_read_by_name(names, version, chosen):
    found = best([file_of(name, told=False) for name in names], pin_of("?", version=version), "3.9")
    assert (found and found.name) == chosen


def test_a_told_hash_goes_before_a_fitting_name():
    files = [file_of("thing-1.0-cp39-cp39-manylinux_2_28_x86_64.whl", told=False), file_of(WHEELS[0])]
    assert best(files, pin_of(WHEELS[0]), "3.9").name == WHEELS[0]


def test_an_index_may_list_a_file_twice():
    twice = [file_of(WHEELS[0]), File(WHEELS[0], "https://other.example.org/x", digest_of(WHEELS[0]), 7)]
    assert best(twice, pin_of(WHEELS[0]), "3.9") == twice[0]


# --- which locks ---------------------------------------------------------------------------------------------------


def described(needs):
    return [(need.lock.parent.parent.name, need.lock.name, need.pythons, need.folder) for need in needs]


def test_a_stack_needs_its_environments_what_builds_them_the_server_and_box():
    every = release_pythons()
    assert set(every) >= {"3.8", "3.9", "3.10", "3.11", "3.12", "3.13"}
    newer = tuple(python for python in every if python != "3.8")
    own = [(wheelhouse.ROOT.name, f"{name}.txt", CONTROLLER_PYTHONS, "controller") for name in ("uv", "controller")]
    assert described(stack_needs("2022", "cpu", [])) == [
        ("2022", "cpu.txt", ("3.9",), ""),
        ("2022", "build.txt", ("3.9",), ""),
        ("jupyterlab", "server.txt", newer, ""),
        *own,
    ]
    assert described(stack_needs("2023", "cuda", ["3.11"])) == [
        ("2023", "cpu.txt", ("3.11",), ""),
        ("2023", "build.txt", ("3.11",), ""),
        ("2023", "gradient.txt", ("3.11",), ""),
        ("jupyterlab", "server.txt", ("3.11",), ""),
        *own,
    ]


@pytest.mark.parametrize(
    ("variant", "words"), [(None, ["--variant", "cpu, cuda"]), ("rocm", ["no variant 'rocm'", "cpu, cuda"])]
)
def test_a_variant_that_is_none(variant, words):
    with pytest.raises(WheelhouseError) as error:
        stack_needs("2022", variant, [])
    assert all(word in str(error.value) for word in words)


def test_a_direct_address_stays_with_its_pin():
    pins = {pin.name: pin for _python, pin in stack_needs("2022", "cuda", ["3.9"])[0].pins()}
    assert pins["torch"].version == "1.12.1+cu116" and pins["torch"].url.startswith("https://")


# --- the index's address -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "variables", "expected"),
    [
        ("https://a.example.org/simple", {"UV_DEFAULT_INDEX": "https://b.example.org"}, "https://a.example.org/simple"),
        (
            "",
            {"PIP_INDEX_URL": "https://c.example.org", "UV_DEFAULT_INDEX": "https://b.example.org"},
            "https://b.example.org",
        ),
        ("", {"PIP_INDEX_URL": "http://c.example.org"}, "http://c.example.org"),
        ("", {"UV_DEFAULT_INDEX": "mine=https://b.example.org/x?y=z"}, "https://b.example.org/x?y=z"),
        ("https://b.example.org/x?y=https://z", {}, "https://b.example.org/x?y=https://z"),
    ],
)
def test_whose_index(option, variables, expected, monkeypatch):
    for name in index_module.ADDRESS_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert index_address(option, "/no/uv") == expected


def test_an_index_that_is_no_address():
    with pytest.raises(WheelhouseError, match="--index"):
        index_address("/srv/mirror", "/no/uv")


def test_a_password_is_not_shown():
    index = Index("https://me:se%40cret@mirror.example.org/simple")
    assert (index.address, index.user, index.password) == ("https://mirror.example.org/simple", "me", "se@cret")


@pytest.mark.parametrize(
    ("failures", "tries", "ends"),
    [
        ([ConnectionResetError(), TimeoutError()], 3, "well"),
        ([index_module.urllib.error.HTTPError("u", 503, "busy", None, None)], 2, "well"),
        ([index_module.urllib.error.HTTPError("u", 404, "gone", None, None)], 1, "badly"),
        ([OSError(28, "No space left on device")], 1, "badly"),
        ([ConnectionResetError()] * 9, 4, "badly"),
    ],
)
def test_what_may_pass_is_tried_again(failures, tries, ends):
    waited, tried, left = [], [], list(failures)

    def action():
        tried.append(1)
        if left:
            raise left.pop(0)

    if ends == "well":
        retried(action, wait=waited.append)
    else:
        with pytest.raises(OSError):
            retried(action, wait=waited.append)
    assert len(tried) == tries
    assert waited == [2.0**number for number in range(tries - 1)]


def test_too_little_space(tmp_path):
    wanted = Wanted("", File("big.whl", "u", "", 1 << 60), (), "big", "1")
    with pytest.raises(WheelhouseError, match="too little disk space"):
        require_space(tmp_path, [wanted])
    require_space(tmp_path, [])


# --- the whole, against an index on loopback -----------------------------------------------------------------------


class Mirror:
    """An index that serves the files of a folder, and notes what it was asked for."""

    def __init__(self, folder, html=False):
        self.folder = folder
        self.html = html
        self.asked = []
        self.authorizations = []
        self.changed, self.gone = {}, set()
        self.parts = True
        self.user = None
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_arguments):
                pass

            def do_HEAD(self):
                self.do_GET()

            def do_GET(self):
                mirror.answer(self)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/simple"
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()

    def answer(self, request):
        self.asked.append((request.command, request.path))
        self.authorizations.append(request.headers.get("Authorization"))
        status, kind, body = self.page(request.path)
        if self.user and not self.authorizations[-1]:
            status, body = 401, b""
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        if wanted and self.parts and status == 200:
            status, body = 206, body[int(wanted[1]) : int(wanted[2]) + 1]
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body)

    def page(self, path):
        if path.startswith("/files/"):
            file = self.folder / path.rpartition("/")[2]
            if file.name in self.gone:
                return 404, "text/plain", b""
            return 200, "application/octet-stream", self.changed.get(file.name, file.read_bytes())
        name = path.rstrip("/").rpartition("/")[2]
        files = [file for file in sorted(self.folder.iterdir()) if file.name.startswith(f"{name}-")]
        if not files:
            return 404, "text/plain", b""
        if self.html:
            rows = [f'<a href="/files/{f.name}#sha256={sha256(f)}">{f.name}</a>' for f in files]
            return 200, "text/html", "".join(rows).encode()
        rows = [
            {"filename": f.name, "url": f"/files/{f.name}", "hashes": {"sha256": sha256(f)}, "size": f.stat().st_size}
            for f in files
        ]
        body = json.dumps({"meta": {"api-version": "1.1"}, "name": name, "versions": ["1.0"], "files": rows})
        return 200, "application/vnd.pypi.simple.v1+json; charset=utf-8", body.encode()


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def files(tmp_path):
    """A folder of files that an index serves."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("one-1.0-py3-none-any.whl", "one-1.0.tar.gz", "two-2.0.tar.gz", "tool-1.0-py3-none-any.whl"):
        (folder / name).write_bytes(name.encode() * 1000)
    return folder


@pytest.fixture(params=[False, True], ids=["json", "html"])
def mirror(files, request):
    mirror = Mirror(files, request.param)
    yield mirror
    mirror.server.shutdown()


def test_a_part_of_a_file(files, mirror):
    index = Index(mirror.address)
    file = index.files("one")[0]
    assert index.part(file.url, 2, 7) == (files / file.name).read_bytes()[2:7]
    mirror.parts = False
    with pytest.raises(WheelhouseError, match="the server does not serve parts of a file: name another index"):
        index.part(file.url, 2, 7)


@pytest.fixture
def call(files, mirror, tmp_path, monkeypatch, capsys):
    """Runs ./box wheelhouse for a lock of two distributions and a controller's of one (returns status, lines)."""
    lock = tmp_path / "lock.txt"
    write_lock(lock, files, "one==1.0", "two==2.0")
    own = tmp_path / "own.txt"
    write_lock(own, files, "tool==1.0")
    needs = [Need(lock, ("3.9", "3.11")), Need(own, ("3.11",), "controller")]
    monkeypatch.setattr(wheelhouse, "stack_needs", lambda *_arguments: needs)
    monkeypatch.setattr(wheelhouse, "find_uv", lambda: "/no/uv")
    monkeypatch.setattr(index_module.time, "sleep", lambda _seconds: None)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments, index=None):
        where = ["--to", str(tmp_path / "house"), "--index", index or mirror.address]
        status = wheelhouse.main(["made", *where, *arguments])
        said = capsys.readouterr()
        return status, (said.out + said.err).splitlines()

    run.lock, run.needs = lock, needs
    run.house = tmp_path / "house"
    return run


def write_lock(path, files, *pins):
    rows = []
    for pin in pins:
        name = pin.replace("==", "-")
        hashes = [f"    --hash=sha256:{sha256(file)}" for file in sorted(files.iterdir()) if file.name.startswith(name)]
        rows.append(" \\\n".join([pin, *hashes]) + "\n")
    path.write_text("".join(rows))


def content(house):
    return sorted(str(path.relative_to(house)) for path in house.rglob("*") if path.is_file())


WHOLE = [
    "SHA256SUMS",
    "controller/tool-1.0-py3-none-any.whl",
    "one-1.0-py3-none-any.whl",
    "two-2.0.tar.gz",
    "wheelhouse.json",
]
NO_INDEX = "http://127.0.0.1:9/simple"


def test_made_and_made_again(call, mirror):
    status, lines = call()
    assert (status, content(call.house)) == (0, WHOLE)
    assert "3 fetched, 0 were there; all verified by hash" in lines[-1]
    sums = dict(reversed(line.split("  ")) for line in (call.house / "SHA256SUMS").read_text().splitlines())
    assert sums == {name: sha256(call.house / name) for name in WHOLE if not name.endswith(("SUMS", "json"))}
    asked = len(mirror.asked)
    status, lines = call(index=NO_INDEX)
    assert status == 0 and "0 fetched, 3 were there; all verified by hash" in lines[-1]
    assert len(mirror.asked) == asked
    assert call("--check", index=NO_INDEX)[0] == 0


def spoil_content(house):
    path = house / "two-2.0.tar.gz"
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def spoil_size(house):
    (house / "two-2.0.tar.gz").write_bytes(b"cut")


def spoil_link(house):
    (house / "two-2.0.tar.gz").unlink()
    (house / "two-2.0.tar.gz").symlink_to("/etc/hostname")


def spoil_absent(house):
    (house / "two-2.0.tar.gz").unlink()


@pytest.mark.parametrize("spoil", [spoil_content, spoil_size, spoil_link, spoil_absent])
def test_what_is_damaged_or_lacks_is_named_and_fetched_anew(call, mirror, spoil):
    call()
    spoil(call.house)
    status, lines = call("--check")
    assert status == 1 and any(line.startswith("two-2.0.tar.gz: ") for line in lines)
    del mirror.asked[:]
    status, lines = call()
    assert status == 0 and "1 fetched, 2 were there" in lines[-1]
    assert spoil is spoil_absent or (lines[0].startswith("two-2.0.tar.gz: ") and lines[0].endswith("fetched anew"))
    assert [path for verb, path in mirror.asked if verb == "GET" and "files" in path] == ["/files/two-2.0.tar.gz"]
    assert call("--check")[0] == 0


def forget(said):
    del said["files"]["two-2.0.tar.gz"]


def unfinished(said):
    said["complete"] = False


@pytest.mark.parametrize(
    ("harm", "said"),
    [(forget, "two==2.0 for Python 3.9: wheelhouse.json has no file of it"), (unfinished, "did not come to its end")],
)
def test_what_the_manifest_says_is_held_against_the_locks(call, harm, said):
    call()
    manifest = json.loads((call.house / "wheelhouse.json").read_text())
    harm(manifest)
    (call.house / "wheelhouse.json").write_text(json.dumps(manifest))
    status, lines = call("--check")
    assert status == 1 and any(said in line for line in lines)
    assert call()[0] == 0
    assert call("--check")[0] == 0
    assert content(call.house) == WHOLE


def test_a_run_that_fails_leaves_whole_files_only(call, mirror):
    mirror.gone.add("two-2.0.tar.gz")
    status, lines = call()
    assert status == 2 and "404" in lines[-1]
    assert not [path for path in content(call.house) if ".part-" in path]


def test_a_file_of_others_stays_and_one_of_an_older_lock_goes(call, files):
    call()
    (call.house / "mine.txt").write_text("mine")
    write_lock(call.lock, files, "one==1.0")
    assert call("--check")[0] == 1
    status, lines = call()
    assert status == 0
    assert "mine.txt: no lock needs it; left alone, it is not of this wheelhouse" in lines
    assert "two-2.0.tar.gz: no lock needs it; removed" in lines
    assert content(call.house) == sorted({*WHOLE, "mine.txt"} - {"two-2.0.tar.gz"})


def test_a_folder_with_files_of_others_is_refused(call):
    call.house.mkdir()
    (call.house / "thesis.txt").write_text("mine")
    status, lines = call()
    assert status == 2 and "thesis.txt" in lines[-1] and "--to" in lines[-1]
    assert content(call.house) == ["thesis.txt"]


def test_a_changed_file_is_refused_and_the_others_stay(call, mirror):
    mirror.changed["two-2.0.tar.gz"] = b"something else"
    status, lines = call()
    assert status == 2 and "two==2.0: what was served has another hash" in lines[-1]
    assert not [name for name in content(call.house) if name.startswith("two") or ".part-" in name]
    assert "SHA256SUMS" not in content(call.house)
    mirror.changed.clear()
    status, lines = call()
    assert (status, content(call.house)) == (0, WHOLE)


def test_what_a_killed_run_left_half_goes(call):
    call()
    (call.house / "controller" / ".part-x.whl").write_text("half")
    (call.house / "one-1.0-py3-none-any.whl").unlink()
    call()
    assert content(call.house) == WHOLE


def test_two_runs_at_once(call):
    with wheelhouse.Folder(call.house).locked():
        (call.house / "wheelhouse.json").write_text("{}")
        status, lines = call()
    assert status == 2 and "another ./box wheelhouse works on it" in lines[-1]


def test_all_that_the_index_lacks_is_named(call, files):
    shutil.rmtree(files)
    files.mkdir()
    (files / "two-2.0.tar.gz").write_text("another build")
    status, lines = call()
    assert status == 2
    assert "lock.txt:1: one==1.0 for Python 3.9 (it does not know one)" in lines[-1]
    assert "two==2.0 for Python 3.11 (none of its 1 files has a hash that the lock allows)" in lines[-1]


def test_a_user_and_a_password_are_sent_and_not_shown(call, mirror):
    mirror.user = "me"
    status, lines = call()
    assert status == 2 and "401" in lines[-1]
    status, lines = call(index=mirror.address.replace("http://", "http://me:secret@"))
    assert status == 0 and "secret" not in "".join(lines)
    assert "secret" not in (call.house / "wheelhouse.json").read_text()


def test_no_network(call):
    status, lines = call(index=NO_INDEX)
    assert status == 2 and len(lines) == 1 and "cannot be fetched" in lines[0]


def test_files_can_be_read_by_all(call):
    before = os.umask(0o077)
    try:
        call()
    finally:
        os.umask(before)
    assert {(call.house / name).stat().st_mode & 0o777 for name in WHOLE} == {0o644}


def test_a_checkout_elsewhere_has_the_same_locks(call, mirror, tmp_path):
    call()
    elsewhere = call.lock.rename(tmp_path / "moved.txt")
    call.needs[0] = Need(elsewhere, ("3.9", "3.11"))
    status, lines = call("--check")
    assert status == 0, lines
    elsewhere.write_text(elsewhere.read_text() + "# changed\n")
    assert call("--check")[0] == 1

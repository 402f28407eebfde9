"""The archives of the tests: what their data says, how packages come out of it, and what the server answers."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from mirroring import MirrorError, archive, debs, keys, recipes, server, table, wheels

MIRROR = Path(recipes.HERE)
PARTS = recipes.parts()
PACKAGES = [(part.image, package) for part in PARTS for package in part.packages]

needs_dpkg = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not here")
needs_archive = pytest.mark.skipif(
    not (shutil.which("apt-ftparchive") and shutil.which("gpg")), reason="apt-ftparchive or gpg is not here"
)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.folder)
def test_what_a_package_depends_on_is_in_the_same_archive(part):
    have = {(package.name, package.version) for package in part.packages}
    names = {name for name, _version in have}
    for package in part.packages:
        for dependency in package.depends:
            found = [re.fullmatch(r"(\S+)(?: \((>=|=) (\S+)\))?", one.strip()) for one in dependency.split("|")]
            assert any(match[1] in names for match in found), f"{package.file}: {dependency}"
            exact = [match for match in found if match[2] == "="]
            assert all((match[1], match[3]) in have for match in exact), f"{package.file}: {dependency}"


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.folder)
def test_a_version_is_there_once(part):
    files = [package.file for package in part.packages]
    assert sorted(files) == sorted(set(files))


def test_what_is_not_nvidias_says_so_in_its_description():
    for _image, package in PACKAGES:
        said = package.control(1).split("Description: ")[1]
        assert ("STAND-IN" in said) == (package.kind in ("stand_in", "empty")), package.file
        has_content = package.files or package.own or package.text or package.libraries or package.compiled
        has_content = has_content or package.links or package.postinst or package.keyrings or package.distribution
        assert bool(has_content) == (package.kind in ("real", "remade", "stand_in")), package.file


def test_real_content_comes_from_a_locked_wheel_of_the_version_that_is_said():
    for _image, package in PACKAGES:
        if package.kind == "real":
            _all, wheel, version = re.search(r"the wheel (\S+) ([\d.]*\d)", package.says).group(0, 1, 2)
            assert f"{wheel}=={version} \\\n    --hash=sha256:" in recipes.lock(package.wheels).read_text()


def test_no_place_is_left_with_a_name_that_was_not_filled_in():
    for _image, package in PACKAGES:
        for place in (*package.files.values(), *package.own.values(), *package.text, *package.links):
            assert "$" not in place and not place.startswith("/"), f"{package.file}: {place}"


def test_readme_has_the_table():
    assert (MIRROR / "README.md").read_text().endswith(f"\n{table.markdown()}\n")


@pytest.mark.parametrize(
    ("pattern", "place", "expected"),
    [
        ("lib/libx.so.11", "usr/lib/libx.so.11.7", {"usr/lib/libx.so.11.7"}),
        ("lib/*.so.11", "usr/lib/*.so.11.7", {"usr/lib/libx.so.11.7", "usr/lib/liby.so.11.7"}),
        ("include/*.h", "i/*_v8.h", {"i/a_v8.h"}),
        ("include/**", "i/**", {"i/a.h", "i/crt/b.h"}),
        ("nothing/*", "i/*", set()),
    ],
)
def test_files_of_a_wheel_find_their_places(tmp_path, pattern, place, expected):
    for name in ("lib/libx.so.11", "lib/liby.so.11", "lib/__init__.py", "include/a.h", "include/crt/b.h"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert {found for _path, found in wheels.matched(tmp_path, pattern, place)} == expected


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"name": "x", "version": "1", "description": "d"}, "one of real"),
        ({"name": "x", "version": "1", "description": "d", "meta": True, "empty": True}, "one of real"),
        ({"name": "x", "version": "1", "description": "d", "meta": True, "fils": {}}, "no such key: fils"),
    ],
)
def test_a_row_that_is_wrong_is_named(row, said):
    with pytest.raises(MirrorError, match=said):
        recipes._package(Path("set.yml"), row, "", {}, {})


def package(**more):
    return recipes.Package(name="demo", version="1:2.0-1", description="A demo", kind="remade", says="by hand", **more)


@needs_dpkg
def test_a_package_is_what_its_recipe_says_and_is_made_once(cache):
    one = package(
        depends=("libc6",),
        text={"etc/demo.conf": "a\n"},
        links={"usr/lib/libdemo.so": "libdemo.so.1"},
        postinst="echo configured\n",
    )
    assert debs.lacking([one]) == [one]
    debs.make([one])
    assert debs.lacking([one]) == []
    deb = debs.place(one)
    assert deb.name == "demo_2.0-1_amd64.deb"
    shown = subprocess.run(["dpkg-deb", "--info", deb], capture_output=True, text=True, check=True).stdout
    assert "Version: 1:2.0-1" in shown and "Depends: libc6" in shown and "by hand" in shown and "conffiles" in shown
    listed = subprocess.run(["dpkg-deb", "--contents", deb], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^-rw-r--r-- root/root .* \./etc/demo\.conf$", listed, re.MULTILINE)
    assert "./usr/lib/libdemo.so -> libdemo.so.1" in listed
    changed = package(text={"etc/demo.conf": "b\n"})
    assert debs.lacking([changed]) == [changed]
    debs.prune([changed])
    assert not deb.exists()


@needs_archive
def test_a_repository_is_signed_with_the_key_that_it_offers(cache, tmp_path):
    one = package()
    key = keys.get("0000beef", sha1=True)
    debs.make([one])
    part = recipes.Part("a", "image", "a/b", "Origin of it", "Label of it", "0000beef", True, (one,))
    archive.make(part, key)
    folder = archive.SERVED / "a" / "b"
    assert archive.is_current(part, key) and not archive.is_current(part, replace(key, fingerprint="F" * 40))
    assert "Label: Label of it" in (folder / "InRelease").read_text()
    assert "Filename: ./demo_2.0-1_amd64.deb" in (folder / "Packages").read_text()
    keyring = tmp_path / "keyring.gpg"
    keys.keyring("0000beef", keyring)
    for signed in (["InRelease"], ["Release.gpg", "Release"]):
        subprocess.run(["gpgv", "--quiet", "--keyring", keyring, *signed], cwd=folder, check=True, capture_output=True)
    assert (folder / "0000beef.pub").read_text() == key.public.read_text()
    packets = subprocess.run(["gpg", "--list-packets", key.public], capture_output=True, text=True, check=True).stdout
    assert "digest algo 2," in packets, "its name is bound by SHA-1"


@needs_archive
def test_keys_read_as_the_collection_reads_them(cache):
    from ansible_collections.mlinabox.core.plugins.module_utils import _openpgp

    key = keys.get("0000beef", sha1=True)
    assert _openpgp.fingerprints(key.public.read_bytes()) == [key.fingerprint]


@pytest.fixture
def served(tmp_path):
    """The address (str) of a server of a folder with a file."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("content\n")
    http = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(server.Handler, directory=str(tmp_path)))
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_address[1]}"
    http.shutdown()
    http.server_close()
    thread.join()


def test_the_server_sends_files_and_nothing_else_and_logs_each_request(served, capsys):
    with urllib.request.urlopen(f"{served}/folder/file") as answer:
        assert answer.read() == b"content\n"
    for path in ("/folder/", "/none", "/../../../etc/passwd"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(served + path)
    logged = capsys.readouterr().out.splitlines()
    assert logged[:2] == ["200 GET /folder/file", "404 GET /folder/"] and len(logged) == 4


@pytest.fixture
def nvcc(tmp_path):
    """The stand-in for nvcc 11.7 (Path), as its package has it."""
    (found,) = [one for image, one in PACKAGES if image == "debian11" and one.own and one.version == "11.7.99-1"]
    text = (MIRROR / "contents" / "nvcc").read_text()
    program = tmp_path / "cuda-11.7" / "bin" / "nvcc"
    program.parent.mkdir(parents=True)
    program.write_text(re.sub(r"@(\w+)@", lambda match: found.values[match[1].lower()], text))
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--version"], 0, "Cuda compilation tools, release 11.7, V11.7.99"),
        (["-V"], 0, "STAND-IN"),
        (["--list-gpu-arch"], 0, "compute_87"),
        ([], 1, "No input files specified"),
        (["-arch=sm_90", "x.cu"], 1, "Unsupported gpu architecture 'sm_90'"),
        (["-gencode", "arch=compute_100,code=sm_100", "x.cu"], 1, "Unsupported gpu architecture 'compute_100'"),
        (["-arch=native", "none.cu"], 1, "No such file or directory: 'none.cu'"),
        (["-ptx", "x.cu"], 1, "makes no device code"),
        (["--frobnicate"], 1, "Unknown option '--frobnicate'"),
        (["-ccbin", "/nonexistent/g++", "main.cpp"], 1, "Could not find the host compiler '/nonexistent/g++'"),
    ],
)
def test_the_stand_in_for_nvcc_answers_like_it(nvcc, arguments, status, said):
    done = subprocess.run([nvcc, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert said in done.stdout + done.stderr


def test_the_stand_in_for_nvcc_hands_a_launch_to_the_runtime(nvcc, tmp_path):
    source = tmp_path / "x.cu"
    source.write_text("int main() { scale<float><<<dim3(1), 32>>>(x, 2); ns::plain<<<n, 1>>>(); }\n")
    compiler = tmp_path / "g++"
    compiler.write_text(
        '#!/bin/sh\nfor word; do case $word in *.cpp) cat "$word" ;; *) echo "word $word" ;; esac; done\n'
    )
    compiler.chmod(0o755)
    words = ["-o", "out", "-O2", "--std=c++14", "-Xcompiler", "-fPIC,-Wall", "-lineinfo", source, "-lcudnn"]
    done = subprocess.run([nvcc, "-ccbin", compiler, *words], capture_output=True, text=True, check=True).stdout
    assert "::mlinabox_stand_in::launch(dim3(1), 32).of(scale<float>)(x, 2);" in done
    assert "::mlinabox_stand_in::launch(n, 1).of(ns::plain)();" in done
    given = [line[len("word ") :] for line in done.splitlines() if line.startswith("word ")]
    assert [word for word in given if not word.startswith(("-I", "-L", "/"))] == [
        *("-o", "out", "-O2", "-std=c++14", "-fPIC", "-Wall", "-lcudnn", "-isystem", "-lcudart"),
    ]

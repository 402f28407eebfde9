"""Root reads in a directory that somebody else writes: links, pipes and others' files are met there."""

from __future__ import annotations

import os

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._foreign_files import foreign_files


def names(directory, *under):
    return [name for found, _opened in foreign_files(str(directory), under) for name in found]


def test_no_link_to_a_folder_is_followed(tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    (outside / "cache/v1").mkdir(parents=True)
    (outside / "cache/v1/secret.whl").write_text("secret")
    for place in ("cache/v1/deep", "cache/w1", "other/v1"):
        (inside / place).mkdir(parents=True)
        (inside / place / "a.whl").write_text("a")
    (inside / "cache/v1/link").symlink_to(outside)
    assert names(inside, "cache", "v*") == ["a.whl"]
    (inside / "cache/v2").symlink_to(outside / "cache/v1")
    assert names(inside, "cache", "v*") == ["a.whl"]
    os.rename(inside / "cache", inside / "was")
    (inside / "cache").symlink_to(outside / "cache")
    assert names(inside, "cache", "v*") == []


@pytest.mark.parametrize(
    "make",
    [lambda path: path.symlink_to("/etc/passwd"), os.mkfifo, lambda path: path.mkdir()],
    ids=["link", "pipe", "folder"],
)
def test_what_is_no_plain_file_is_not_opened(tmp_path, make):
    make(tmp_path / "a.whl")
    (_names, opened) = next(iter(foreign_files(str(tmp_path))))
    with pytest.raises(OSError, match=r"a\.whl"):
        opened("a.whl")


def test_a_plain_file_is_opened(tmp_path):
    (tmp_path / "a.whl").write_text("a")
    for _names, opened in foreign_files(str(tmp_path)):
        with os.fdopen(opened("a.whl")) as stream:
            assert stream.read() == "a"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_another_owners_file_is_not_opened(tmp_path):
    (tmp_path / "a.whl").write_text("a")
    os.chown(tmp_path / "a.whl", 65534, 65534)
    for _names, opened in foreign_files(str(tmp_path)):
        with pytest.raises(OSError, match="no plain file"):
            opened("a.whl")

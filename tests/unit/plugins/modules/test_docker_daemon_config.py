"""The module docker_daemon_config: how its files are written, and what of them is shown."""

from __future__ import annotations

import os

import pytest
from ansible_collections.mlinabox.core.plugins.modules import docker_daemon_config as module


def mode(path):
    return path.stat().st_mode & 0o777


def test_a_new_file_has_the_mode_that_is_asked_for(tmp_path):
    path = tmp_path / "below" / "record.json"
    module.write(str(path), "{}\n", 0o600)
    assert (path.read_text(), mode(path)) == ("{}\n", 0o600)


def test_a_file_that_is_there_keeps_its_mode(tmp_path):
    path = tmp_path / "daemon.json"
    path.write_text("{}")
    path.chmod(0o640)
    module.write(str(path), '{"ä": 1}\n', 0o644)
    assert (path.read_text(encoding="utf-8"), mode(path), os.listdir(tmp_path)) == (
        '{"ä": 1}\n',
        0o640,
        ["daemon.json"],
    )
    module.write(str(path), None, 0o644)
    module.write(str(path), None, 0o644)
    assert os.listdir(tmp_path) == []


def test_nothing_is_left_over_where_it_cannot_be_written(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("")
    with pytest.raises(OSError):
        module.write(str(tmp_path / "folder"), "{}", 0o644)
    assert os.listdir(tmp_path) == ["folder"]


def test_a_file_with_a_mark_of_its_encoding_is_read(tmp_path):
    path = tmp_path / "daemon.json"
    path.write_bytes(b'\xef\xbb\xbf{"debug": true}')
    assert module.read(str(path)) == '{"debug": true}'
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ValueError, match="byte 8 is not UTF-8"):
        module.read(str(path))
    assert module.read(str(tmp_path / "none")) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"https-proxy": "http://me:secret@proxy:3128"}', '{"https-proxy": "http://***@proxy:3128"}'),
        ('{"registry-mirrors": ["https://mirror/a@b"]}', '{"registry-mirrors": ["https://mirror/a@b"]}'),
        (None, ""),
    ],
)
def test_passwords_in_addresses_are_not_shown(text, shown):
    assert module.public(text) == shown


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("Status: unknown flag: --validate\nSee 'dockerd --help'., Code: 125\n", "unknown flag: --validate"),
        ("\nunable to configure the Docker daemon with file x\n", "unable to configure the Docker daemon with file x"),
        ("", "not a word"),
    ],
)
def test_the_engines_reason_is_one_line(output, reason):
    assert module.reason(output) == reason

"""What has to hold on a host after any role whatever."""

import re


def test_packages_are_whole(host):
    assert host.check_output("dpkg --audit") == ""


def test_no_unit_has_failed(host):
    assert host.check_output("systemctl list-units --failed --no-legend --plain") == ""


def test_only_sshd_listens_outside_loopback(host):
    listeners = host.check_output("ss --no-header --listening --tcp --udp --numeric --processes")
    outside = [
        line
        for line in listeners.splitlines()
        if not re.search(r"\s(127\.\d+\.\d+\.\d+|\[::1\])(%\w+)?:\d+\s", line) and '"sshd"' not in line
    ]
    assert outside == []


def test_what_is_installed_is_writable_by_root_alone(host):
    # A user's overlays are noted in a folder like /tmp, where each may add and take away only what is theirs.
    # uv makes its lock files writable for all, whatever the umask; they are empty, and nobody reads them.
    found = host.run(
        r"test ! -d /opt/mlinabox || find /opt/mlinabox ! -type l ! \( -type f -name '*.lock' -size 0 \)"
        r" \( \( -perm /022 ! \( -type d -name overlays -perm -1000 \) \) -o ! -user root \)"
    )
    assert (found.rc, found.stdout) == (0, "")

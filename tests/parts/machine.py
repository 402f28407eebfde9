"""What the tests need of this machine beside .venv: programs from apt and a Docker engine, got where they may be."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

from . import report

_GETTING = threading.RLock()
CAN_INSTALL = os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def need_programs(log, **packages):
    """Has programs (keyword: name of the program, value: the apt package that brings it), installed where they lack.

    Raises report.Skip naming what lacks where this user cannot install it.
    """
    with _GETTING:
        _install(log, sorted({package for program, package in packages.items() if not _which(program)}))


def _install(log, lacking):
    if not lacking:
        return
    if not CAN_INSTALL:
        raise report.Skip(f"not installed here: {', '.join(lacking)}")
    print(f"box: installing {' '.join(lacking)} (apt)", flush=True)
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=600")
    log.run(*apt, "update", env=env)
    log.run(*apt, "-y", "install", "--no-install-recommends", *lacking, env=env)


def need_mirror(log):
    """Has the programs that make the archives of tests/mirror."""
    need_programs(log, **{"apt-ftparchive": "apt-utils", "dpkg-deb": "dpkg", "gpg": "gnupg", "gcc": "gcc"})


# An ordinary user's PATH on Debian is without the folders of dockerd and iptables.
_PATH = os.pathsep.join([os.environ["PATH"], "/usr/local/sbin", "/usr/sbin", "/sbin"])


def _which(program):
    return shutil.which(program, path=_PATH)


def _answers():
    return (
        shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    )


def need_engine(log):
    """Has a Docker engine that answers.

    As root on Debian or Ubuntu one is installed and started where there is none; where this process started it by
    hand, it ends with this process. Raises report.Skip elsewhere, report.Failed where it does not come up.
    """
    if _answers():
        return
    if os.environ.get("DOCKER_HOST"):
        raise report.Failed(f"no Docker engine answers at DOCKER_HOST={os.environ['DOCKER_HOST']}")
    if not CAN_INSTALL:
        raise report.Skip("no Docker engine answers here; start one, or run this as root on Debian or Ubuntu")
    need_programs(log, dockerd="docker.io", iptables="iptables")
    if Path("/run/systemd/system").is_dir():
        print("box: starting docker.service", flush=True)
        log.run("systemctl", "start", "docker.service")
    else:
        _start_by_hand()
    for _attempt in range(60):
        if _answers():
            return
        time.sleep(1)
    raise report.Failed(f"dockerd does not answer; see {report.OUTPUT / 'dockerd.log'} or the journal")


def _start_by_hand():
    print("box: starting dockerd, until the tests end", flush=True)
    with (report.OUTPUT / "dockerd.log").open("w") as file:
        # A session of its own: Ctrl-C is for the tests, which still have containers to remove.
        daemon = subprocess.Popen(
            [_which("dockerd")],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            env=dict(os.environ, PATH=_PATH),
        )

    def end():
        daemon.terminate()
        try:
            daemon.wait(30)
        except subprocess.TimeoutExpired:
            daemon.kill()

    atexit.register(end)


def need_images(log, *names):
    """Has a Docker engine and these images of tests/images (all of the base ones when none is named)."""
    # Two rows may need the same at once.
    with _GETTING:
        need_engine(log)
        log.run(report.ROOT / "tests" / "images" / "build", *names, timeout=1800)

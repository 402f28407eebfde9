# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts that never were: only what can be seen is told of them, and real programs read them as real hosts."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_codes

yaml = pytest.importorskip("yaml")

GPU = Path(__file__).resolve().parents[2] / "gpu"
SCENARIOS = sorted(path.stem for path in (GPU / "scenarios").glob("*.yml"))
EXPECTED = yaml.safe_load((GPU / "expected.yml").read_text(encoding="utf-8"))


def content(name):
    return yaml.safe_load((GPU / "scenarios" / f"{name}.yml").read_text(encoding="utf-8"))


def strings(value):
    if isinstance(value, dict):
        for key, part in value.items():
            yield str(key)
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)
    else:
        yield str(value)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_tells_what_can_be_seen_and_where_from(name):
    scenario = content(name)
    assert scenario["source"] and all(isinstance(source, str) for source in scenario["source"])
    words = set(strings(scenario))
    assert not words & set(_gpu_codes.CODES)
    assert not {"layer", "cure", "finding", "findings", "severity", "code", "fix"} & words


def test_each_scenario_is_broken_or_healthy_or_for_gpu_info_alone():
    told = [*EXPECTED["broken"], *EXPECTED["healthy"], *EXPECTED["others"]]
    assert sorted(told) == SCENARIOS
    assert len(EXPECTED["broken"]) >= 20 and len(EXPECTED["healthy"]) >= 5
    for name, expected in EXPECTED["broken"].items():
        assert set(expected["layer"]) <= set(_gpu_codes.LAYERS), name
        assert expected["cure"], name
        for pattern in [*expected["cure"], *expected.get("text", ())]:
            re.compile(pattern)


def broken_scenario(tmp_path, text):
    path = tmp_path / "one.yml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("source: [x]\nos: debian12\nkernel: 6.1.0\nlayer: gpu\n", "not known: layer"),
        ("os: debian12\nkernel: 6.1.0\n", "it lacks source"),
        ("source: [x]\nos: debian12\nkernel: 6.1.0\nnvml: {library: 550.120}\n", 'write "550.12"'),
        ("source: [", "one.yml"),
    ],
)
def test_a_scenario_with_something_else_is_refused(tmp_path, text, words):
    import materialize

    with pytest.raises(ValueError, match=re.escape(words)):
        materialize.load(broken_scenario(tmp_path, text))


def test_a_name_that_is_none():
    import materialize

    with pytest.raises(ValueError, match="no scenario nonsense; there are a100-cut"):
        materialize.load("nonsense")


def test_the_program_says_what_is_wrong_in_one_line(tmp_path):
    run = subprocess.run(
        ["python3", GPU / "materialize.py", "nonsense", tmp_path / "host"], capture_output=True, text=True, check=False
    )
    if "No module named 'yaml'" in run.stderr:
        pytest.skip("python3 on PATH has no PyYAML")
    assert run.returncode == 1
    assert run.stderr.startswith("materialize: no scenario nonsense") and run.stderr.count("\n") == 1


def test_links_stay_below_the_root(hosts):
    root = hosts("one-a100-r535")
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            target = os.readlink(path) if os.path.islink(path) else "/"
            # The environments' Python is this machine's.
            if not target.startswith("/") and not name.startswith("python"):
                assert os.path.realpath(path).startswith(root + "/"), path


def test_dpkg_reads_the_packages(hosts):
    if not shutil.which("dpkg-query"):
        pytest.skip("no dpkg-query is here")
    admin = f"{hosts('one-a100-r535')}/var/lib/dpkg"
    # dpkg wants its other files to be there.
    command = ["dpkg-query", f"--admindir={admin}", "-W", "-f", "${db:Status-Abbrev} ${Package} ${Version}\n"]
    found = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())
    rows = {row.strip() for row in content("one-a100-r535")["packages"]}
    rows = {f"{row[:2]}  {row[3:]}" for row in rows if not row.startswith("rc")}
    assert rows <= found
    assert "rc  nvidia-driver-470 470.256.02-0ubuntu0.22.04.1" in found


def test_modinfo_reads_the_modules(hosts):
    real = shutil.which("modinfo") or shutil.which("modinfo", path="/usr/sbin:/sbin")
    if not real:
        pytest.skip("no modinfo is here")
    root = hosts("one-a100-r535")
    path = f"{root}/lib/modules/5.15.0-122-generic/kernel/nvidia-535-server/nvidia.ko"
    for field in ("version", "license", "vermagic", "signer"):
        command = [f"{root}/usr/sbin/modinfo", "-F", field, "nvidia"]
        ours = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ours.returncode == 0 and ours.stdout.strip()
    assert subprocess.run([f"{root}/usr/sbin/modinfo", "nosuch"], capture_output=True, check=False).returncode == 1
    with open(path, "rb") as stream:
        assert stream.read().endswith(b"~Module signature appended~\n")


def test_ldconfig_finds_what_the_stand_in_says(hosts):
    """The real ldconfig over the same folders; it changes its root, which only root may."""
    real = shutil.which("ldconfig", path="/usr/sbin:/sbin")
    if os.geteuid() or not real:
        pytest.skip("needs root and ldconfig")
    for name in ("one-a100-r535", "a4000-with-containers", "old-cudnn-on-ld-library-path", "r470-under-cuda-12"):
        root = hosts(name)
        run = subprocess.run(
            [real, "-X", "-r", root, "-C", "/ld.so.cache"], capture_output=True, text=True, check=False
        )
        if "chroot" in run.stderr:
            pytest.skip(f"no other root is allowed here: {run.stderr.strip()}")
        assert run.returncode == 0, run.stderr
        cache = f"{root}/ld.so.cache"
        wanted = subprocess.run([real, "-C", cache, "-p"], capture_output=True, text=True, check=True).stdout
        os.unlink(cache)
        ours = subprocess.run([f"{root}/usr/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
        assert set(ours.splitlines()[1:]) == {line for line in wanted.splitlines()[1:] if "=>" in line}, name


def test_a_zst_and_an_xz_module_hold_the_same(hosts):
    import lzma

    root = hosts("driver-upgraded-and-not-restarted")
    packed = Path(root, "lib/modules/6.8.0-41-generic/updates/dkms/nvidia.ko.zst").read_bytes()
    if shutil.which("zstd"):
        packed = subprocess.run(["zstd", "-dc"], input=packed, capture_output=True, check=True).stdout
    assert b"version=550.107.02\0" in packed
    root = hosts("trixie-with-the-archive-of-jammy")
    packed = Path(root, "lib/modules/6.12.63+deb13-amd64/updates/dkms/nvidia-current.ko.xz").read_bytes()
    assert b"version=550.163.01\0" in lzma.decompress(packed)


def test_programs_answer(hosts):
    def ask(host, *command):
        program = f"{hosts(host)}{command[0]}"
        return subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=20, check=False)

    h100 = "eight-h100-with-nvswitches-r550"
    run = ask(h100, "/usr/bin/systemctl", "is-active", "nvidia-fabricmanager.service")
    assert (run.returncode, run.stdout) == (0, "active\n")
    run = ask("fabricmanager-of-another-patch", "/usr/bin/systemctl", "is-active", "nvidia-fabricmanager")
    assert (run.returncode, run.stdout) == (3, "failed\n")
    run = ask(h100, "/usr/bin/systemctl", "is-active", "nosuch")
    assert (run.returncode, run.stdout) == (4, "inactive\n")
    shown = ask(h100, "/usr/bin/systemctl", "show", "--property=LoadState,ActiveState", "nosuch.service").stdout
    assert shown == "LoadState=not-found\nActiveState=inactive\n"
    assert ask(h100, "/usr/bin/systemctl", "show", "-p", "SubState", "--value", "docker").stdout == "running\n"
    docker = ask("a4000-with-containers", "/usr/bin/docker", "info", "--format", "{{.CgroupDriver}} {{json .Runtimes}}")
    driver, _blank, runtimes = docker.stdout.partition(" ")
    assert driver == "systemd" and json.loads(runtimes)["nvidia"] == {"path": "nvidia-container-runtime"}
    whole = json.loads(ask("a4000-with-containers", "/usr/bin/docker", "info", "--format", "json").stdout)
    assert whole["DockerRootDir"] == "/data/docker"
    assert ask(h100, "/usr/bin/docker", "version", "-f", "{{.Server.Version}}").stdout == "28.3.2\n"
    run = ask("docker-knows-no-nvidia", "/usr/bin/docker", "run", "--gpus", "all", "x")
    assert run.returncode == 125 and "could not select device driver" in run.stderr
    assert "nvidia-driver-550-server\n" in ask(h100, "/usr/bin/apt-mark", "showhold").stdout
    run = ask("secure-boot-and-an-unsigned-module", "/usr/bin/mokutil", "--sb-state")
    assert run.stdout == "SecureBoot enabled\n"


def test_frameworks_say_and_compute(hosts):
    import_torch = "import torch, json; print(torch.cuda.is_available()); a = torch.ones(2, 2, device='cuda'); "
    code = import_torch + "print((a @ a).tolist(), a.device)"

    def run(host, code):
        python = f"{hosts(host)}/opt/mlinabox/envs/stack/current/bin/python"
        return subprocess.run([python, "-Ic", code], capture_output=True, text=True, timeout=20, check=False)

    assert run("a4000-with-containers", code).stdout == "True\n[[2.0, 2.0], [2.0, 2.0]] cuda\n"
    told = run("cuda-10-wheel-on-a100", code)
    assert told.stdout == "True\n"
    assert "sm_80 is not compatible" in told.stderr
    assert "RuntimeError: CUDA error: no kernel image is available for execution on the device" in told.stderr
    told = run("fabricmanager-of-another-patch", code)
    assert told.stdout == "False\n" and "Error 802: system not yet initialized" in told.stderr
    told = run(
        "old-cudnn-on-ld-library-path", "import torch; print(torch.version.cuda); torch.backends.cudnn.version()"
    )
    assert told.stdout == "11.3\n" and "cuDNN version incompatibility" in told.stderr
    devices = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))"
    assert run("a4000-with-containers", devices).stdout == "1\n"
    told = run("tensorflow-without-its-libraries", devices)
    assert told.stdout == "0\n" and "Cannot dlopen some GPU libraries" in told.stderr


def test_a_keyring_has_the_form_of_one(hosts, tmp_path):
    from standin import openpgp

    root = hosts("trixie-with-the-archive-of-jammy")
    if not shutil.which("gpg"):
        pytest.skip("no gpg is here")
    path = f"{root}/usr/share/keyrings/cuda-archive-keyring.gpg"
    command = ["gpg", "--homedir", str(tmp_path), "--batch", "--show-keys", "--with-colons", path]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    # It signs nothing, itself neither, so that gpg may hide it; where it shows it, it shows this.
    assert not shown or openpgp.fingerprint("3bf863cc") in shown

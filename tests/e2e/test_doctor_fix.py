"""./box doctor --fix on the files of a host: what is safe is done, in rounds, and the rest is asked about.

The host is a GPU box by what is bound over /sys and /proc and by the library of tests/gpu; links, caches, units and
configuration are its own. What drives devices (nvidia-ctk, modprobe, update-initramfs, dockerd) is a script that notes
that it was called, and does to files what the real one does.
"""

import json
import os
import pty
import re
import select
import signal
import time

import gpu_hosts
import pytest
from conftest import ROOT, changes, files

IMAGES = {"doctor": "debian12"}

DRIVER = "535.129.03"
LIB = "/usr/lib/x86_64-linux-gnu"
ASIDE = "/var/lib/mlinabox/doctor/aside"

#: The bus and the driver's part of /proc, bound over the kernel's; the library where the loader finds it.
GPU_BOX = f"""
device=/srv/pci/0000:01:00.0
mkdir -p $device /srv/bin
for name in vendor device class; do cat {gpu_hosts.ROOT}/sys/bus/pci/devices/0000:01:00.0/$name >$device/$name; done
ln -s ../../drivers/nvidia $device/driver
mount --bind /srv/pci /sys/bus/pci/devices
cp -a {gpu_hosts.ROOT}/proc/driver /srv/driver
mount --bind /srv/driver /proc/driver
cp -a {gpu_hosts.ROOT}{LIB}/libnvidia-ml* {gpu_hosts.ROOT}{LIB}/mlinabox-scenario {LIB}/
cp -a {gpu_hosts.ROOT}/dev/nvidia* /dev/
ldconfig
"""

#: One thing wrong in each of three layers, of which a walk sees the first.
WRONG = f"""
mkdir -p /usr/local/cuda-11.7/lib64
ln -s /usr/local/cuda-11.6 /usr/local/cuda
cp {LIB}/libz.so.1 /usr/local/cuda-11.7/lib64/
echo /usr/local/cuda-11.7/lib64 >/etc/ld.so.conf.d/cuda-11-7.conf
ln -s libc.so.6 {LIB}/libcudnn.so.8
mkdir -p /etc/docker /etc/cdi
echo '{{"log-driver": "journald", "exec-opts": ["native.cgroupdriver=systemd"]}}' >/etc/docker/daemon.json
echo 'kind: nvidia.com/gpu # libcuda.so.535.54.03' >/etc/cdi/nvidia.yaml
"""

NVIDIA_CTK = f"""#!/bin/sh
echo "nvidia-ctk $*" >>/srv/called
case $* in
"system create-dev-char-symlinks --create-all") mkdir -p /dev/char && ln -sf ../nvidia0 /dev/char/195:0 ;;
"cdi generate --output="*) echo 'kind: nvidia.com/gpu # libcuda.so.{DRIVER}' >"${{3#--output=}}" ;;
*) exit 2 ;;
esac
"""
DOCKER_UNIT = """[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'echo docker started >>/srv/called'
ExecReload=/bin/sh -c 'echo docker reloaded >>/srv/called'
"""
#: With the module come its part of /proc, the card and the device files.
MODPROBE = f"""#!/bin/sh
echo "modprobe $*" >>/srv/called
mount --bind /srv/driver /proc/driver
ln -sfn ../../drivers/nvidia /srv/pci/0000:01:00.0/driver
cp -a {gpu_hosts.ROOT}/dev/nvidia* /dev/
"""
UPDATE_INITRAMFS = '#!/bin/sh\necho "update-initramfs $*" >>/srv/called\n'


def program(host, path, text):
    host.sh(f"cat >{path}; chmod 0755 {path}", text=text)


@pytest.fixture(scope="module")
def host(fleet, tmp_path_factory):
    host = fleet.hosts["doctor"]
    scenario = gpu_hosts.box("NVIDIA A100-SXM4-40GB", DRIVER, host.image)
    gpu_hosts.put(host, scenario, tmp_path_factory.mktemp("box") / "box")
    host.sh(GPU_BOX)
    for path, text in {
        "/usr/bin/nvidia-ctk": NVIDIA_CTK,
        "/usr/bin/nvidia-container-runtime": "#!/bin/sh\n",
        "/usr/bin/dockerd": "#!/bin/sh\n",
        "/usr/local/sbin/modprobe": MODPROBE,
        "/usr/local/sbin/update-initramfs": UPDATE_INITRAMFS,
    }.items():
        program(host, path, text)
    host.sh(
        "cat >/etc/systemd/system/docker.service; systemctl daemon-reload; systemctl start docker", text=DOCKER_UNIT
    )
    return host


def called(host):
    """What the stand-ins were called with since the last time (list of str)."""
    return host.sh("cat /srv/called; : >/srv/called").splitlines()


def broken(run):
    """The layer that a run of the doctor calls broken in its last table (str), '' where none is."""
    found = re.findall(r"\\n([a-z ]+?) +BROKEN ", run.output.rpartition('"layer ')[2])
    return found[0] if found else ""


def test_what_is_safe_is_done_in_rounds_until_nothing_is_left(fleet, host):
    host.sh(WRONG)
    called(host)
    assert broken(fleet.box("doctor")) == "toolkit"

    before = files(host)
    run = fleet.box("doctor", "--fix", "--check")
    assert run.status == 2
    assert "lead the links of /usr/local/cuda" in run.output and "renew the dynamic linker" in run.output
    assert (changes(before, files(host)), called(host)) == ([], [])

    run = fleet.box("doctor", "--fix").well()
    assert broken(run) == ""
    assert host.sh("readlink -f /usr/local/cuda").strip() == "/usr/local/cuda-11.7"
    assert "/usr/local/cuda-11.7/lib64/libz.so.1" in host.sh("ldconfig -p")
    assert host.sh(f"ls {LIB}/libcudnn.so.8 2>/dev/null || true") == ""
    assert json.loads(host.sh("cat /etc/docker/daemon.json")) == {
        "log-driver": "journald",
        "exec-opts": ["native.cgroupdriver=systemd"],
        "runtimes": {"nvidia": {"path": "nvidia-container-runtime"}},
    }
    asked = called(host)
    assert "docker reloaded" in asked and "docker started" not in asked
    assert "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml" in asked
    assert host.sh("readlink /dev/char/195:0").strip() == "../nvidia0"
    assert "create-dev-char-symlinks" in host.sh("cat /etc/udev/rules.d/71-mlinabox-nvidia-dev-char.rules")

    after = files(host)
    assert fleet.box("doctor", "--fix").well().recap["doctor"]["changed"] == 0
    assert (changes(after, files(host)), called(host)) == ([], [])


def test_what_was_moved_aside_comes_back(fleet, host):
    fleet.module("doctor", "adoption_aside", state="restored", folder=ASIDE)
    assert host.sh(f"readlink {LIB}/libcudnn.so.8").strip() == "libc.so.6"
    assert broken(fleet.box("doctor")) == "cudnn"
    host.sh(f"rm {LIB}/libcudnn.so.8")


def test_a_module_that_is_not_loaded_is_loaded(fleet, host):
    host.sh(
        f"""
        mkdir -p /lib/modules/$(uname -r)/updates/dkms
        cp {gpu_hosts.ROOT}/usr/lib/modules/*/updates/dkms/nvidia.ko /lib/modules/$(uname -r)/updates/dkms/
        umount /proc/driver
        rm /srv/pci/*/driver /dev/nvidia*
        """
    )
    assert broken(fleet.box("doctor")) == "kernel module"
    called(host)
    fleet.box("doctor", "--fix").well()
    assert called(host) == ["modprobe --all nvidia nvidia-uvm"]


def answered(fleet, answer):
    """What ./box doctor --fix prints (str) on a terminal where somebody answers each question."""
    environment = dict(os.environ, ANSIBLE_NOCOLOR="1", TERM="dumb")
    environment.pop("ANSIBLE_CONFIG", None)
    child, terminal = pty.fork()
    if not child:
        command = [str(ROOT / "box"), "doctor", "--fix", "-i", str(fleet.inventory)]
        os.execve(command[0], command, environment)
    said, deadline = "", time.monotonic() + 240
    while time.monotonic() < deadline:
        ready = select.select([terminal], [], [], 3)[0]
        try:
            some = os.read(terminal, 65536).decode(errors="replace") if ready else ""
        except OSError:  # it has ended
            break
        said += some
        # Ansible throws away what was typed before it had asked, so the answer comes a moment later.
        if not ready and said.rstrip().endswith("[no]:"):
            os.write(terminal, f"{answer}\r".encode())
    else:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(said)
    return said


@pytest.mark.parametrize("answer", ["no", "yes"])
def test_what_is_not_safe_is_asked_about_on_a_terminal(fleet, host, answer):
    host.sh("ln -sfn ../../drivers/nouveau /srv/pci/0000:01:00.0/driver")
    called(host)
    try:
        said = answered(fleet, answer)
        assert "Keep nouveau from being loaded" in said
        settings = host.sh("cat /etc/modprobe.d/mlinabox-nouveau.conf 2>/dev/null || true")
        if answer == "yes":
            assert "blacklist nouveau" in settings
            assert called(host) == ["update-initramfs -u"]
        else:
            assert (settings, called(host)) == ("", [])
            assert "Not done:" in said
    finally:
        host.sh("ln -sfn ../../drivers/nvidia /srv/pci/0000:01:00.0/driver")


def test_a_cure_that_fails_is_told_and_the_others_go_on(fleet, host):
    program(host, "/usr/bin/nvidia-ctk", "#!/bin/sh\necho no such device >&2\nexit 1\n")
    host.sh("echo 'kind: nvidia.com/gpu # libcuda.so.535.54.03' >/etc/cdi/nvidia.yaml")
    host.sh(f"ln -s libc.so.6 {LIB}/libcudnn.so.8")
    run = fleet.box("doctor", "--fix")
    assert run.status == 2
    assert broken(run) == "containers"
    assert "refresh-cdi failed: no such device" in run.output
    assert host.sh(f"ls {LIB}/libcudnn.so.8 2>/dev/null || true") == ""

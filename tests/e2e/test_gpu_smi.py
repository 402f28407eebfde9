"""NVIDIA's own nvidia-smi and library, as Debian has them, on hosts without a GPU: what they say is what gpu_info takes
them to say. Of a driver that is there they are tested with stand-ins (tests/gpu)."""

import pytest

IMAGES = {"r535": "debian12"}

LIBRARY = "/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.1"


@pytest.fixture(scope="module")
def host(fleet, each):
    """A host with both, of the branch that it is named by."""
    host = fleet.hosts[each]
    branch = each[1:]
    packages = " ".join(f"{name}={branch}.*" for name in ("nvidia-smi", "libnvidia-ml1", "nvidia-alternative"))
    host.sh(
        f"""
        # It is in no part of the archive that the images have.
        sed -i -E 's/^(deb .* main)$/\\1 contrib non-free non-free-firmware/' /etc/apt/sources.list
        apt-get -qq update 2>&1
        DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends \\
            {packages} nvidia-legacy-check={branch}.* >/dev/null 2>&1
        """
    )
    return host


@pytest.fixture
def without_device(host):
    """A host where nothing has made /dev/nvidiactl: root's nvidia-smi does, and then fails in another way."""
    host.sh("rm -f /dev/nvidiactl")
    return host


@pytest.fixture
def without_library(host):
    """The host, its library out of the loader's sight for a while."""
    host.sh(f"mv {LIBRARY} {LIBRARY}.away")
    yield host
    host.sh(f"mv {LIBRARY}.away {LIBRARY}")


def smi(host, *arguments, user="ml"):
    """(exit status, standard output, standard error) of nvidia-smi."""
    done = host.run("runuser", "-u", user, "--", "nvidia-smi", *arguments, check=False)
    return done.returncode, done.stdout, done.stderr


def look(fleet, host, **keywords):
    """What gpu_info makes of it: the box is a CPU box in any case (dict of the sources)."""
    found = fleet.module(host.name, "gpu_info", **keywords)
    assert (found["kind"], found["gpus"], found["changed"]) == ("cpu", [], False)
    assert [finding["code"] for finding in found["findings"]] == ["driver-without-gpu"]
    return found


def test_without_a_driver_it_is_9_on_standard_output(fleet, without_device):
    for arguments in ((), ("-L",), ("-q", "-x"), ("--query-gpu=no_such_field", "--format=csv")):
        status, said, error = smi(without_device, *arguments)
        assert (status, error) == (9, "")
        assert said.startswith("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.")
    sources = look(fleet, without_device, become=False, sources="all")["sources"]
    assert (sources["nvml"]["status"], sources["nvml"]["code"]) == ("failed", 9)
    assert (sources["smi"]["status"], sources["smi"]["code"]) == ("failed", 9)
    assert sources["smi"]["detail"] in said


def test_a_container_that_may_not_open_its_device_says_unknown_error(fleet, host):
    # Root's makes the device file; the container's cgroup does not let it be opened.
    status, said, _error = smi(host, user="root")
    assert (status, said.strip()) == (255, "Failed to initialize NVML: Unknown Error")
    sources = look(fleet, host, sources="all")["sources"]
    assert (sources["nvml"]["status"], sources["nvml"]["code"]) == ("failed", 999)
    assert (sources["smi"]["status"], sources["smi"]["code"]) == ("failed", 999)


def test_without_the_library_it_is_12(fleet, without_library):
    status, said, error = smi(without_library)
    assert (status, error) == (12, "")
    assert said.startswith("NVIDIA-SMI couldn't find libnvidia-ml.so library in your system.")
    sources = look(fleet, without_library, sources="all")["sources"]
    assert (sources["nvml"]["status"], sources["nvml"]["code"]) == ("absent", 12)
    assert (sources["smi"]["status"], sources["smi"]["code"]) == ("failed", 12)


def test_unless_it_is_told_to_gpu_info_asks_neither_and_leaves_the_host_alone(fleet, without_device):
    found = look(fleet, without_device)
    assert found["driver"]["branch"] == without_device.name[1:]
    assert [found["sources"][name]["status"] for name in ("kernel", "nvml", "smi")] == ["absent", "skipped", "skipped"]
    without_device.sh("test ! -e /dev/nvidiactl")

"""What there is of the engine, seen from outside: packages, configuration, devices, people, a container of its own."""

import json
import re

import pytest

TOOLKIT = [
    "nvidia-container-toolkit",
    "nvidia-container-toolkit-base",
    "libnvidia-container-tools",
    "libnvidia-container1",
]


@pytest.fixture
def release(host):
    return host.check_output("hostname").split("-")[-1]


@pytest.fixture
def from_docker(release):
    return release in ("debian12", "ubuntu2004")


def test_the_toolkits_four_packages_have_the_asked_version_and_not_the_newest(host):
    assert {host.package(name).version for name in TOOLKIT} == {"1.20.1-1"}


def test_the_engine_is_the_asked_one(host, release, from_docker):
    if from_docker:
        wanted = {"debian12": "5:20.10.24~", "ubuntu2004": "5:20.10.5~"}[release]
        assert host.package("docker-ce").version.startswith(wanted)
        assert host.package("containerd.io").version == "1.7.27-1"
    else:
        assert not host.package("docker-ce").is_installed
    version = host.check_output("docker version --format '{{.Server.Version}}'")
    assert version.startswith({"debian12": "20.10.24", "debian13": "26.1.5"}.get(release, "20.10.5"))


def test_what_decides_how_containers_run_is_held(host, release, from_docker):
    engine = ["docker-ce", "docker-ce-cli", "containerd.io"] if from_docker else ["docker.io"]
    engine += ["docker-cli"] if release == "debian13" else []
    assert sorted(host.check_output("apt-mark showhold").split()) == sorted([*engine, *TOOLKIT])


def test_the_sources_have_keys_of_their_own(host, from_docker):
    for name, there in (("docker", from_docker), ("nvidia-container-toolkit", True)):
        source = host.file(f"/etc/apt/sources.list.d/mlinabox-{name}.sources")
        assert source.exists == there
        if there:
            assert f"Signed-By: /etc/apt/keyrings/mlinabox-{name}.asc\n" in source.content_string


def test_daemon_json_says_both_what_was_there_and_what_is_asked(host, release):
    path = host.file("/etc/docker/daemon.json")
    found = json.loads(path.content_string)
    assert path.mode == 0o640
    assert (found["dns"], found["labels"], found["runtimes"]["other"]) == (
        ["127.0.0.53"],
        ["site=test"],
        {"path": "runc"},
    )
    assert found["registry-mirrors"] == ["https://mirror.test"]
    assert (found["live-restore"], found["log-opts"]) == (True, {"max-size": "50m", "max-file": "3"})
    assert found["exec-opts"] == ["native.cgroupdriver=systemd"]
    # Engines from 25 on give GPUs by CDI, which those before 28.2 have to be told.
    assert found.get("features") == ({"cdi": True} if release == "debian13" else None)
    assert ("nvidia" in found["runtimes"]) == (release != "debian13")
    assert list(found)[:3] == ["dns", "runtimes", "labels"]


def test_the_engine_works_by_it(host):
    found = json.loads(host.check_output("docker info --format '{{json .}}'"))
    assert (found["CgroupDriver"], found["LiveRestoreEnabled"], found["LoggingDriver"]) == (
        "systemd",
        True,
        "json-file",
    )
    assert found["RegistryConfig"]["Mirrors"] == ["https://mirror.test/"]
    assert "secret" not in found["HttpProxy"] and found["HttpProxy"].endswith("@127.0.0.1:3128")
    assert found["NoProxy"] == "localhost,127.0.0.1,::1,.example.org"


def test_a_password_in_an_address_is_roots_alone(host):
    assert host.file("/etc/mlinabox/docker/proxy.env").mode == 0o600
    assert "secret" not in host.check_output("systemctl show docker.service")
    assert host.run("runuser -u nobody -- cat /etc/mlinabox/docker/proxy.env").rc != 0
    assert host.run("grep -rq secret /var/lib/mlinabox/docker_gpu.json /etc/systemd /etc/docker").rc == 1


def test_a_registrys_authority_is_trusted_for_it(host):
    assert "BEGIN CERTIFICATE" in host.file("/etc/docker/certs.d/registry.test:5000/mlinabox.crt").content_string


def test_the_devices_have_links_that_systemd_goes_by(host):
    assert host.file("/dev/char/10:229").linked_to in ("/dev/nvidia0", "/dev/nvidiactl")
    assert "create-dev-char-symlinks" in host.file("/etc/udev/rules.d/71-mlinabox-nvidia-dev-char.rules").content_string
    assert host.service("mlinabox-nvidia-devices.service").is_enabled
    after = host.check_output("systemctl show docker.service --property After --property Wants")
    assert "mlinabox-nvidia-devices.service" in after


def test_the_specification_is_made_before_containers_want_it(host, release):
    if release != "debian13":
        pytest.skip("its engine gives GPUs by a runtime")
    assert host.service("nvidia-cdi-refresh.path").is_running
    wants, after = host.check_output("systemctl show docker.service --property Wants --property After").splitlines()
    assert "nvidia-cdi-refresh.service" in wants and "nvidia-cdi-refresh.service" in after
    # It goes with the machine, and comes back with the unit.
    host.check_output("rm /var/run/cdi/nvidia.yaml && systemctl restart nvidia-cdi-refresh.service")
    assert "nvidia.com/gpu=all" in host.check_output("nvidia-ctk cdi list")


def test_only_who_is_named_is_in_the_group(host):
    assert host.group("docker").members == ["anna"]


def test_people_have_engines_of_their_own(host, release):
    if release != "debian13":
        pytest.skip("nobody is named")
    found = host.check_output(
        "runuser -l ben -c 'docker info --format \"{{.DockerRootDir}} {{json .SecurityOptions}}\"'"
    )
    assert found.startswith("/home/ben/.local/share/docker ") and "name=rootless" in found
    assert re.search(r"^ben:\d+:65536$", host.file("/etc/subuid").content_string, re.MULTILINE)


@pytest.fixture
def image(host):
    """An image of the host's own files, made here and not by the role."""
    host.check_output(
        "mkdir -p /run/own/bin && cp /bin/sh /bin/cat /run/own/bin && cd /run/own"
        " && for file in $(ldd /bin/sh /bin/cat | grep -o '/[^ ]*' | grep -v ':$'); do"
        ' mkdir -p "./$(dirname $file)" && cp -L "$file" "./$file"; done'
        " && tar -c . | docker import - own:test"
    )
    yield "own:test"
    host.check_output("docker image rm --force own:test")


def test_a_container_has_the_gpu_only_where_it_is_asked_for(host, release, image):
    asked = "--device nvidia.com/gpu=all" if release == "debian13" else "--runtime nvidia -e NVIDIA_VISIBLE_DEVICES=all"
    run = "docker run --rm --network none"
    seen = host.check_output(f"{run} {asked} {image} /bin/sh -c 'nvidia-smi -L'")
    assert seen == host.check_output("nvidia-smi -L")
    # The device file alone is not enough: the kernel asks for the container's rules.
    without = host.run(f"{run} --volume /dev/nvidia0:/dev/nvidia0 {image} /bin/sh -c ': <>/dev/nvidia0'")
    assert without.rc != 0 and "ermitted" in without.stderr
    assert host.run(f"{run} {image} /bin/sh -c 'test -e /dev/nvidia0'").rc == 1

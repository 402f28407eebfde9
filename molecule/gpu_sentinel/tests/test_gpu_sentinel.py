"""What who logs in is shown, at each start anew."""

import json

LINE = "GPU BROKEN, nouveau: The driver nouveau has GPU 0000:01:00.0, and CUDA cannot use it."


def shown(host):
    """What pam_motd shows at a login (str): it runs these scripts, and puts what they say together."""
    return host.check_output("run-parts --lsbsysinit /etc/update-motd.d")


def test_who_logs_in_sees_one_line(host):
    lines = [line for line in shown(host).splitlines() if "GPU" in line]
    assert len(lines) == 1
    assert lines[0].startswith(LINE)


# login(1) wants to be the leader of a session with a terminal of its own, which it hangs up before it shows anything.
LOGIN = """
import os, pty, time
child, terminal = pty.fork()
if not child:
    os.execvp("login", ["login", "-f", "ada"])
said, until = b"", time.monotonic() + 60
while time.monotonic() < until and os.waitpid(child, os.WNOHANG) == (0, 0):
    try:
        said += os.read(terminal, 4096)
    except OSError:
        time.sleep(0.1)
    if b"$ " in said[-8:]:
        os.write(terminal, b"exit\\n")
print(said.decode(errors="replace"))
"""


def test_a_real_login_shows_it(host):
    """With the PAM configuration of the distribution."""
    host.run("id ada || useradd --create-home --shell /bin/sh ada")
    assert LINE in host.check_output(f"python3 -c '{LOGIN}'").replace("\r", "")


def test_the_whole_result_lies_beside_it(host):
    status = json.loads(host.file("/run/mlinabox/gpu.json").content_string)
    assert (status["kind"], status["layer"]) == ("broken", "nouveau")
    assert status["findings"][0]["code"] == "nouveau-bound"
    assert status["line"].startswith(LINE)


def test_the_next_start_finds_out_anew(host):
    """The unit is what the start runs: what it finds then is shown, and an earlier line never is."""
    unit = "mlinabox-gpu-sentinel.service"
    assert host.check_output(f"systemctl show --property=Result,ExecMainStatus --value {unit}").split() == [
        "success",
        "0",
    ]
    assert f"/{unit}" in host.check_output("systemctl list-dependencies --plain multi-user.target --full") or unit in (
        host.check_output("systemctl list-dependencies --plain multi-user.target")
    )
    device = "/srv/host/sys/bus/pci/devices/0000:01:00.0"
    try:
        host.check_output(f"systemctl stop {unit} && rm -f /run/mlinabox/gpu.* && mv {device} /srv/gone")
        assert "GPU" not in shown(host)
        host.check_output("systemctl isolate multi-user.target")
        assert "GPU: none. There is no NVIDIA GPU on the PCI bus." in shown(host)
    finally:
        host.run(f"mv /srv/gone {device}")
        host.check_output(f"systemctl restart {unit}")
    assert LINE in shown(host)


def test_a_driver_that_hangs_holds_up_no_start(host):
    assert (
        float(host.check_output("systemctl show --property=TimeoutStartUSec --value mlinabox-gpu-sentinel").rstrip("s"))
        <= 60
    )

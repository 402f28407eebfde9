# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of a host that are asked: systemctl, docker, modinfo, ldconfig, mokutil, what a scenario names."""

from __future__ import annotations

import json
import shlex

from . import linker
from .scripts import program, say, script

_STATUS = {"active": 0, "inactive": 3, "failed": 3}
#: Programs that are there because a package is: what they say nobody has told, and nothing should ask.
_PROGRAMS = {
    "nvidia-container-toolkit-base": ("nvidia-ctk", "nvidia-container-runtime"),
    "nvidia-container-toolkit": ("nvidia-container-runtime-hook",),
    "libnvidia-container-tools": ("nvidia-container-cli",),
    "docker-ce": ("dockerd",),
    "docker.io": ("dockerd",),
}


def put(tree, scenario, sonames):
    """services, docker, programs: a name goes to /usr/bin or /usr/sbin, a path where it says.

    sonames: as for linker.
    """
    made = _of_packages(scenario)
    made.update({"uname": script(_uname(scenario["kernel"])), "modinfo": script(_modinfo(scenario))})
    made["/usr/sbin/ldconfig"] = script(say(linker.listing(tree, sonames)))
    if "secure_boot" in scenario:
        state = "enabled" if scenario["secure_boot"] else "disabled"
        made["mokutil"] = program([{"args": "--sb-state", "stdout": f"SecureBoot {state}\n"}])
    if not tree.exists("/.dockerenv"):
        made["systemctl"] = script(_systemctl(scenario.get("services", {})))
        tree.folder("/run/systemd/system")
        _put_units(tree, scenario.get("services", {}))
    docker = scenario.get("docker")
    if docker:
        made[docker.get("at", "docker")] = script(_docker(docker))
    made["apt-mark"] = script(_apt_mark(scenario))
    for name, spec in {**made, **{name: program(spec) for name, spec in scenario.get("programs", {}).items()}}.items():
        tree.write(_place(name), spec, 0o755)


def _of_packages(scenario):
    rows = [row.split() for row in scenario.get("packages", ())]
    there = [name for state, name, _version in rows if state in ("ii", "hi")]
    return {program: script(say("", "", 1)) for name in there for program in _PROGRAMS.get(name, ())}


def _place(name):
    if name.startswith("/"):
        return name
    return f"/usr/sbin/{name}" if name in ("modinfo", "modprobe", "dkms", "ldconfig") else f"/usr/bin/{name}"


def _uname(kernel):
    return f'case "$1" in\n-r) {say(kernel + chr(10))};;\nesac\n' + say(f"Linux host {kernel} x86_64 GNU/Linux\n")


def _apt_mark(scenario):
    held = sorted(row.split()[1] for row in scenario.get("packages", ()) if row.startswith("hi "))
    shown = "".join(f"{name}\n" for name in held)
    return f'case "$1" in\nshowhold | showheld)\n{say(shown)};;\nesac\n{say("", "E: not here", 1)}'


def _modinfo(scenario):
    """modinfo [-k RELEASE] [-F FIELD] MODULE-or-path, as kmod's."""
    cases = []
    for release, kernel in scenario.get("kernels", {}).items():
        for path, module in (kernel or {}).get("modules", {}).items():
            name = path.rsplit("/", 1)[-1].split(".")[0].replace("-", "_")
            file = f"/lib/modules/{release}/{path}"
            info = {"filename": file, "version": module.get("version", ""), "license": module.get("license", "NVIDIA")}
            info.update({"signer": module.get("signer", ""), "vermagic": f"{release} SMP mod_unload modversions "})
            fields = "".join(f"{key}) {say(value + chr(10))};;\n" for key, value in info.items() if value)
            whole = "".join(f"{key + ':':16}{value}\n" for key, value in info.items() if value)
            body = f'case "$field" in\n{fields}"") {say(whole)};;\n*) exit 0;;\nesac'
            names = {name, name.replace("nvidia_current", "nvidia")}
            patterns = " | ".join(f"{shlex.quote(release)}:{one}" for one in sorted(names))
            cases.append(f"{patterns} | *:*{shlex.quote(file)})\n{body}\n;;\n")
    options = """\
release=@RELEASE@ field=
while [ $# -gt 1 ]; do
    case "$1" in
        -k) release=$2; shift 2;;
        -F) field=$2; shift 2;;
        -k*) release=${1#-k}; shift;;
        -F*) field=${1#-F}; shift;;
        *) shift;;
    esac
done
case "$release:$1" in
""".replace("@RELEASE@", shlex.quote(scenario["kernel"]))
    return f'{options}{"".join(cases)}esac\necho "modinfo: ERROR: Module $1 not found." >&2\nexit 1\n'


def _put_units(tree, services):
    for name, state in services.items():
        tree.write(f"/lib/systemd/system/{name}.service", f"[Unit]\nDescription={name}\n")
        if state != "inactive":
            wants = f"/etc/systemd/system/multi-user.target.wants/{name}.service"
            tree.link(wants, f"/lib/systemd/system/{name}.service")


def _systemctl(services):
    """is-active, is-enabled, is-system-running, show and status of the units, with systemd's exit codes."""
    cases = {"active": "", "enabled": "", "show": ""}
    for name, state in services.items():
        unit = f"{shlex.quote(name)} | {shlex.quote(name)}.service"
        enabled = "disabled" if state == "inactive" else "enabled"
        cases["active"] += f"{unit}) state={state} code={_STATUS[state]};;\n"
        cases["enabled"] += f"{unit}) state={enabled} code={int(enabled == 'disabled')};;\n"
        shown = {"LoadState": "loaded", "ActiveState": state, "UnitFileState": enabled}
        shown["SubState"] = {"active": "running", "inactive": "dead", "failed": "failed"}[state]
        cases["show"] += f"{unit}) all={shlex.quote(_lines(shown))};;\n"
    unknown = {"LoadState": "not-found", "ActiveState": "inactive", "UnitFileState": "", "SubState": "dead"}
    return _SYSTEMCTL.format(unknown=shlex.quote(_lines(unknown)), **cases)


def _lines(values):
    return "".join(f"{key}={value}\n" for key, value in values.items())


_SYSTEMCTL = """\
verb= quiet= value= wanted= units=
while [ $# -gt 0 ]; do
    case "$1" in
        -q | --quiet) quiet=1;;
        --value) value=1;;
        -p | --property) wanted=$2; shift;;
        -p* | --property=*) wanted=${{1#-p}}; wanted=${{wanted#--property=}};;
        -*) ;;
        *) if [ -z "$verb" ]; then verb=$1; else units="$units $1"; fi;;
    esac
    shift
done
result=3
for unit in $units; do
    case "$verb" in
        is-active | status)
            state=inactive code=4
            case "$unit" in
{active}esac
            [ -n "$quiet" ] || echo "$state"
            [ "$result" = 0 ] || result=$code;;
        is-enabled)
            state="Failed to get unit file state for $unit: No such file or directory" code=1
            case "$unit" in
{enabled}esac
            [ -n "$quiet" ] || echo "$state"
            [ "$result" = 0 ] || result=$code;;
        show)
            all={unknown}
            case "$unit" in
{show}esac
            printf %s "$all" | while IFS= read -r line; do
                case ",$wanted," in ,, | *",${{line%%=*}},"*)
                    if [ -n "$value" ]; then echo "${{line#*=}}"; else echo "$line"; fi;;
                esac
            done
            result=0;;
    esac
done
case "$verb" in
    is-system-running) echo running; result=0;;
    show) result=0;;
    daemon-reload) result=0;;
esac
exit $result
"""


def _docker(docker):
    """docker info, version and run, of an engine that is what the scenario says."""
    info = {
        "ServerVersion": docker["version"],
        "Runtimes": {name: {"path": _runtime(name)} for name in docker["runtimes"]},
        "DefaultRuntime": docker.get("default_runtime", "runc"),
        "CgroupDriver": docker["cgroup_driver"],
        "CgroupVersion": docker.get("cgroup_version", "2"),
        "DockerRootDir": docker.get("root", "/var/lib/docker"),
        "SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"],
        "CDISpecDirs": ["/etc/cdi", "/var/run/cdi"] if "cdi" in docker else [],
        "DiscoveredDevices": [{"Source": "cdi", "ID": name} for name in docker.get("cdi", ())],
    }
    version = {"Client": {"Version": docker["version"]}, "Server": {"Version": docker["version"]}}
    run = docker.get("run_gpu", {"stdout": "GPU 0\n"})
    return _DOCKER.format(
        info=_templates(info, ""),
        version=_templates(version, ""),
        text=say(_text(info)),
        versions=say(f"Client:\n Version: {docker['version']}\nServer:\n Version: {docker['version']}\n"),
        short=say(f"Docker version {docker['version']}, build 0000000\n"),
        run=say(run.get("stdout", ""), run.get("stderr", ""), run.get("exit", 0)),
    )


def _runtime(name):
    return "nvidia-container-runtime" if name == "nvidia" else "runc"


def _text(info):
    rows = [" Server Version: " + info["ServerVersion"], " Cgroup Driver: " + info["CgroupDriver"]]
    rows += [" Cgroup Version: " + info["CgroupVersion"], " Runtimes: " + " ".join(info["Runtimes"])]
    rows += [" Default Runtime: " + info["DefaultRuntime"], " Docker Root Dir: " + info["DockerRootDir"]]
    if info["CDISpecDirs"]:
        rows += [" CDI spec dirs:", *(f"  {folder}" for folder in info["CDISpecDirs"])]
    if info["DiscoveredDevices"]:
        rows += [" Discovered Devices:", *(f"  cdi: {one['ID']}" for one in info["DiscoveredDevices"])]
    return "\n".join(["Server:", *rows, ""])


def _templates(values, prefix):
    """Lines of a sed script that puts values in for {{.Key}} and {{json .Key}}, of keys of keys too."""
    lines = []
    for key, value in values.items():
        name = f"{prefix}.{key}"
        if isinstance(value, dict):
            lines += _templates(value, name)
        plain = value if isinstance(value, str) else json.dumps(value)
        lines += [_replace(f"{{{{json {name}}}}}", json.dumps(value)), _replace(f"{{{{{name}}}}}", plain)]
    if not prefix:
        lines += [_replace("{{json .}}", json.dumps(values)), _replace("json", json.dumps(values), "^", "$")]
    return lines if prefix else " ".join(f"-e {shlex.quote(line)}" for line in lines)


def _replace(what, by, before="", after=""):
    for character in "\\/.*[]^$":
        what = what.replace(character, f"\\{character}")
    for character in "\\/&":
        by = by.replace(character, f"\\{character}")
    return f"s/{before}{what}{after}/{by}/g"


_DOCKER = """\
verb= format=
while [ $# -gt 0 ]; do
    case "$1" in
        -f | --format) format=$2; shift;;
        --format=*) format=${{1#--format=}};;
        -v | --version) {short};;
        run) {run};;
        system) ;;
        -*) ;;
        *) [ -n "$verb" ] || verb=$1;;
    esac
    shift
done
case "$verb" in
    info)
        if [ -n "$format" ]; then
            printf '%s\\n' "$format" | sed {info}
            exit 0
        fi
        {text};;
    version)
        if [ -n "$format" ]; then
            printf '%s\\n' "$format" | sed {version}
            exit 0
        fi
        {versions};;
esac
exit 1
"""

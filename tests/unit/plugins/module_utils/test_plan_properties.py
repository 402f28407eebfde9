"""For any installed set and any lock: carrying out the plan gives the lock, and a second plan is empty.

Installed is what lies in a site-packages; a plan is carried out there by an executor of the test's own, which refuses a
step that does not fit what it finds. Versions are compared by packaging.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from ansible_collections.mlinabox.core.plugins.module_utils._dists import installed_versions
from ansible_collections.mlinabox.core.plugins.module_utils._pins import normalize
from ansible_collections.mlinabox.core.plugins.module_utils._plan import make_plan, plan_diff, summary
from ansible_collections.mlinabox.core.plugins.plugin_utils._lock_file import Host, marker_environment
from ansible_collections.mlinabox.core.plugins.plugin_utils._locks import parse_lock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version

HOST = Host(marker_environment("3.11.2"))
HASH = "sha256:" + "0" * 64
#: Spelled as people and wheels spell them; each line is one distribution.
SPELLINGS = [
    ("six", "six", "Six"),
    ("foo-bar", "foo_bar", "Foo.Bar"),
    ("ruamel-yaml-clib", "ruamel.yaml.clib", "ruamel_yaml_clib"),
    ("torch", "torch", "torch"),
    ("a", "A", "a"),
    ("zipp", "zipp", "ZIPP"),
]
distributions = st.integers(0, len(SPELLINGS) - 1)
spelled = st.tuples(distributions, st.integers(0, 2)).map(lambda pair: SPELLINGS[pair[0]][pair[1]])
versions = st.one_of(
    st.sampled_from(["1", "1.0", "1.0.0", "1.0rc1", "1.0.post1", "1.0.dev0", "1!1.0", "1.0+cu116", "1.0+cpu", "1.10"]),
    st.builds(
        lambda release, pre, local: ".".join(map(str, release)) + pre + local,
        st.lists(st.integers(0, 20), min_size=1, max_size=4),
        st.sampled_from(["", "a1", "rc2", ".post3", ".dev4"]),
        st.sampled_from(["", "+cu118", "+1.abc"]),
    ),
)
environments = st.dictionaries(spelled, versions).map(lambda found: list(found.items()))
markers = st.sampled_from(["", "", ' ; python_version >= "3.9"', ' ; sys_platform == "win32"'])


def by_name(rows):
    """One row a distribution: the last that names it."""
    return {normalize(name): (name, *rest) for name, *rest in rows}


def write(site, name, version):
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def carry_out(site, steps):
    """Carries out steps in a folder; refuses what does not fit."""
    for step in steps:
        found = [path for path in site.iterdir() if normalize(path.name.split("-")[0]) == step.name]
        before = found[0].name[: -len(".dist-info")].split("-", 1)[1] if found else ""
        assert (before, len(found)) == (step.before, 1 if step.before else 0), step
        if step.action in ("upgrade", "downgrade"):
            assert (Version(step.before) < Version(step.after)) == (step.action == "upgrade"), step
        assert (step.action == "install", step.action == "remove") == (not step.before, not step.after), step
        for path in found:
            shutil.rmtree(path)
        if step.after:
            write(site, step.name.replace("-", "_"), step.after)


# How fast a machine is decides nothing here.
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(environments, st.lists(st.tuples(spelled, versions, markers), min_size=1), st.sets(distributions))
def test_carrying_out_a_plan_gives_the_lock_and_a_second_plan_is_empty(installed, locked, damaged):
    locked = by_name(locked)
    # A lock that is for no one is refused elsewhere.
    locked["always"] = ("always", "1.0", "")
    text = "".join(f"{name}=={version}{marker} --hash={HASH}\n" for name, version, marker in locked.values())
    pins = parse_lock(text, "lock.txt").narrow(HOST)
    wanted = {name: version for name, (_spelled, version, marker) in locked.items() if "win32" not in marker}
    assert {pin.name: pin.version for pin in pins} == wanted
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder)
        for name, version in by_name(installed).values():
            write(site, name.replace("-", "_"), version)
        before = installed_versions(str(site))
        assert before == {name: version for name, (_spelled, version) in by_name(installed).items()}
        broken = {SPELLINGS[number][0]: "a file is missing" for number in damaged if SPELLINGS[number][0] in before}
        steps = make_plan(before, pins, broken)
        carry_out(site, steps)
        after = installed_versions(str(site))
    assert set(after) == set(wanted)
    for name, version in wanted.items():
        assert Version(after[name]) == Version(version)
    assert make_plan(after, pins) == []
    # Nothing is touched without need, and all that is broken and stays is made anew.
    named = {step.name for step in steps}
    same = {name for name in set(before) & set(wanted) if Version(before[name]) == Version(wanted[name])}
    assert named == (set(before) | set(wanted)) - (same - set(broken))
    diff = plan_diff(before, steps, "before", "after")
    shown = (diff["before"] + diff["after"]).splitlines()
    assert {line.split("==")[0] for line in shown} == named
    assert (summary(steps) == "nothing to do") == (not steps)

"""Makes stacks of one small package, so that a test of how a box behaves takes seconds and not minutes."""

from __future__ import annotations

import json

#: Hashes of six's wheels on PyPI.
SIX = {
    "1.15.0": "8b74bedcbbbaca38ff6d7491d76f2b06b3592611af620f8426e82dddb04a5ced",
    "1.16.0": "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254",
    "1.17.0": "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274",
}


def make(
    folder, python, version="1.16.0", hash_of=None, space=50, smoke="assert six.PY3", more=None, variants=("cpu",)
):
    """Writes a stack of six alone to `folder`; returns its path (str), which may stand as stack_name.

    `python` is such as "3.11", `version` one of SIX, `hash_of` the version whose hash the lock has instead of the right
    one, `space` the MiB that it says it needs, `smoke` what its check does after `import six`. `more` are further keys
    of its stack.yml (dict), which take the place of its own. All `variants` are the same.
    """
    folder.mkdir(parents=True)
    locks = {variant: f"{variant}.txt" for variant in variants}
    stack = {
        "name": folder.name,
        "title": "six alone",
        "published": "2026-11-20",
        "python": {"version": python, "published": f"{python}.0"},
        "releases": [],
        "environments": {
            "stack": {"requirements": "requirements.in", "variants": locks, "space": space},
        },
        "packages": [
            {
                "name": "six",
                "distribution": "six",
                "version": version,
                "environment": "stack",
                "check": "six",
                "memory": 100,
            },
        ],
    }
    (folder / "stack.yml").write_text(json.dumps({**stack, **(more or {})}))
    (folder / "requirements.in").write_text(f"six=={version}\n")
    for variant, lock in locks.items():
        (folder / lock).write_text(
            f"# mlinabox lock: stack={folder.name} environment=stack variant={variant} python={python}"
            " platform=linux-x86_64 until=2026-11-20\n"
            f"six=={version} \\\n    --hash=sha256:{SIX[hash_of or version]}\n"
        )
    checks = folder.parent / "smoke"
    checks.mkdir(exist_ok=True)
    (checks / "six.py").write_text(f"import six\n{smoke}\n")
    return str(folder)

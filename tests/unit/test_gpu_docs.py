"""docs/gpu.md names each code and each cure, as the code has them."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.mlinabox.core.plugins.module_utils._doctor_cures import ASKED, SAFE
from ansible_collections.mlinabox.core.plugins.module_utils._gpu_codes import CODES, LAYERS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")


def rows(heading):
    """The cells (list of str) of each row of the first table below a heading."""
    lines = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0].splitlines()
    table = [line for line in lines if line.startswith("|")][2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]


def test_codes_are_those_of_the_table_in_its_order():
    written = [
        (code.strip("`"), layer, severity, fix.strip("`")) for layer, code, severity, _what, fix in rows("Codes")
    ]
    assert written == [(code, *values) for code, values in CODES.items()]
    assert all(what for _layer, _code, _severity, what, _fix in rows("Codes"))


def test_codes_stand_in_walking_order():
    layers = [LAYERS.index(layer) for layer, _severity, _fix in CODES.values()]
    assert layers == sorted(layers)


def test_every_layer_is_explained():
    named = [name for cells in rows("The layers") for name in cells[0].split(", ")]
    assert named == list(LAYERS)


def test_cures_are_those_that_there_are_each_with_its_task_file():
    written = {cells[0].strip("`"): cells[1] for cells in rows("`--fix`")}
    assert written == {**dict.fromkeys(SAFE, "safe"), **dict.fromkeys(ASKED, "asked")}
    files = {path.stem for path in (ROOT / "playbooks" / "tasks" / "doctor").glob("*.yml")}
    # The others are the playbook's own steps.
    assert files - set(written) == {"ask", "cure", "each", "look", "round", "show"}
    assert set(written) <= files

"""Lines of tables and keys in TOML, which the standard library's reader does not tell."""

from __future__ import annotations

import pytest
import tomllib
from ansible_collections.mlinabox.core.plugins.plugin_utils._toml_lines import TomlLines, error_line


@pytest.mark.parametrize(
    ("text", "names", "lines"),
    [
        ('[[packages]]\nname = "a"\n\n  [[ packages ]] # b\nname = "b"\n', ["a", "b"], [1, 4]),
        ('x = """\n[[packages]]\n"""\n# [[packages]]\n[["packages"]]\nname = "a"\n', ["a"], [5]),
        ("x = '''\n[[packages]]\n'''\n[['packages']]\nname = 'a'\n[[packages.wheels]]\nname = 'w'\n", ["a"], [4]),
        ('x = "# no comment"\n[[packages]]\nname = "a"\n', ["a"], [2]),
        ('packages = [\n  { name = "a" },\n  { "name" = "a" }, { name = \'b\' },\n]\n', ["a", "a", "b"], [2, 3, 3]),
    ],
)
def test_tables(text, names, lines):
    assert [table["name"] for table in tomllib.loads(text)["packages"]] == names
    assert TomlLines(text).tables("packages", names) == lines


@pytest.mark.parametrize(("name", "line"), [("a", 1), ("b-c", 3), ("quoted", 5), ("of-the-table", 1), ("none", 1)])
def test_keys(name, line):
    text = 'a = 1\n\nb-c = [\n  1 ]\n"quoted" = 2\n[table]\nof-the-table = 3\n'
    assert TomlLines(text).key(name) == line


@pytest.mark.parametrize(
    ("text", "line"), [("a = 1\nb = \n", 2), ('a = 1\nb = "\n', 2), ("a = [1,\n2,\n", 2), ("x", 1)]
)
def test_errors(text, line):
    with pytest.raises(tomllib.TOMLDecodeError) as error:
        tomllib.loads(text)
    assert error_line(error.value, text) == line

"""PyYAML reads a document to its types and writes one that reads the same, in C too where it was built with it."""

import yaml

text = "when: 2024-02-29\nlist: [1, 0x10, ~, 'no']\nsame: &a {x: 1.5}\nagain: *a\n"
data = yaml.safe_load(text)
assert data["when"].isoformat() == "2024-02-29"
assert data["list"] == [1, 16, None, "no"]
assert data["again"] == {"x": 1.5}
assert yaml.safe_load(yaml.safe_dump(data)) == data
if yaml.__with_libyaml__:
    assert yaml.load(text, Loader=yaml.CSafeLoader) == data

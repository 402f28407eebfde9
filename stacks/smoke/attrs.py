"""attrs makes a class that validates, compares and turns into a dict, by its new names and its old ones."""

import attr
from attrs import asdict, define, field, validators


@define(order=True)
class Point:
    x: int = field(validator=validators.instance_of(int))
    y: int = 0


assert asdict(Point(1)) == {"x": 1, "y": 0}
assert Point(1, 2) < Point(2, 0)
assert attr.evolve(Point(1), y=5) == Point(1, 5)
try:
    Point("1")
except TypeError:
    pass
else:
    raise AssertionError("a text was taken for a number")

"""jsonify turns a CSV file into JSON beside it."""

import json
from pathlib import Path

from jsonify.convert import jsonify

Path("moons.csv").write_text("planet,moons\nEarth,1\nMars,2\n")
jsonify("moons.csv")
assert json.loads(Path("moons.json").read_text()) == [
    {"planet": "Earth", "moons": "1"},
    {"planet": "Mars", "moons": "2"},
]

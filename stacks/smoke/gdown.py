"""gdown finds the file's id in an address of Google Drive; it does not ask the network."""

import gdown
from gdown.parse_url import parse_url

assert callable(gdown.download)
assert parse_url("https://drive.google.com/uc?id=0B9P1L") == ("0B9P1L", True)
assert parse_url("https://drive.google.com/file/d/0B9P1L/view", warning=False) == ("0B9P1L", False)

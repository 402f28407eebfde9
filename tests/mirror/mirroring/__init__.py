"""Archives that look like a vendor's, made and served for the tests. See tests/mirror/README.md."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
#: What is made once and kept: packages, keys, and the archives as they are served.
CACHE = HERE.parents[1] / ".cache" / "mirror"
SERVED = CACHE / "served"
#: The name under which test hosts find the server, wherever it runs. The top-level domain is for just that (RFC 2606).
NAME = "mirror.test"
ADDRESS = f"http://{NAME}"


class MirrorError(Exception):
    """What went wrong and what to do, in one line."""

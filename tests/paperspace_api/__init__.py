"""Stands in for Paperspace's v1 API on loopback: its schema, its pages, its events that take time, and its bad days.

    with paperspace_api.serve(Cloud()) as server:
        server.url, server.key

`python -m paperspace_api --help` (in tests/) runs one for other programs. The schema is that of the API's reference and
of the types in the vendor's command line; what neither says (how long things take, what is refused) is made up, and
said to be.
"""

from __future__ import annotations

from .cloud import Cloud
from .faults import Fault
from .server import serve

__all__ = ["Cloud", "Fault", "serve"]

"""Serve a stand-in for Paperspace's API until the standard input is closed; prints its address and key as JSON.

    python -m paperspace_api [--machines N] [--port N] [--event-seconds S] [--long-regions]

`POST /-/faults` [{"kind": "500", "times": 2, ...}], `POST /-/fail` [{"event": "template-create", "error": "..."}] and
`GET /-/requests` are for the test that uses it.
"""

from __future__ import annotations

import argparse
import json
import sys

from . import Cloud, serve


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machines", type=int, default=0, help="how many there are at first")
    parser.add_argument("--port", type=int, default=0, help="0 takes any")
    parser.add_argument("--event-seconds", type=float, default=1.0, help="how long an event takes")
    parser.add_argument("--long-regions", action="store_true", help="tell regions as East Coast (NY2)")
    given = parser.parse_args()
    cloud = Cloud(given.event_seconds, given.event_seconds, given.long_regions)
    cloud.add_machines(given.machines)
    with serve(cloud, port=given.port) as server:
        print(json.dumps({"url": server.url, "key": server.key}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()

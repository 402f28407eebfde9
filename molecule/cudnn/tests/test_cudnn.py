"""What a person finds on a host with cuDNN: it links, it loads without a path, and it stays."""

from __future__ import annotations

import json

PROGRAM = (
    '#include <cudnn.h>\\n#include <stdio.h>\\nint main() { printf("%%d %%d", CUDNN_VERSION, (int)cudnnGetVersion()); }'
)


def test_a_person_who_logs_in_links_with_it(host):
    place = host.check_output("runuser -u nobody -- mktemp -d")
    build = f"cd {place} && printf '{PROGRAM}' >p.cu && runuser -u nobody -- bash -lc 'nvcc -o p p.cu -lcudnn && ./p'"
    said = host.run(build)
    assert said.rc == 0, said.stderr
    headers, library = said.stdout.split()
    assert headers == library
    host.check_output(f"rm -r {place}")


def test_it_is_held_and_what_it_loads_is_there(host):
    record = json.loads(host.file("/var/lib/mlinabox/apt/cudnn.json").content_string)
    held = set(host.check_output("apt-mark showhold").split())
    assert record["held"] and set(record["held"]) <= held
    assert any(name.startswith("libcublas") for name in held)
    assert host.run("grep -r LD_LIBRARY_PATH= /etc/environment /etc/profile.d").rc != 0

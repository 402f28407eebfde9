"""docopt, built from source on this host, parses a usage text."""

import docopt

found = docopt.docopt("Usage: program [--loud] NAME", ["--loud", "box"])
assert found == {"--loud": True, "NAME": "box"}, found

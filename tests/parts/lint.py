"""What can be seen without running anything, cheapest first."""

from __future__ import annotations

from . import machine, report

HELP = "ruff, yamllint, ansible-lint, antsibull-changelog, shellcheck"

SHELL = [
    "box",
    ".ci/run",
    "requirements/compile",
    "tests/locks/compile",
    "tests/mirror/wheels/compile",
    "tests/mirror/contents/nvcc",
]


def jobs(result, arguments, full):
    return [lambda: _run(result, arguments)]


def _run(result, arguments):
    commands = {
        "ruff": [["ruff", "check", "."], ["ruff", "format", "--check", "."]],
        "yamllint": [["yamllint", "--strict", "."]],
        "changelog": [["antsibull-changelog", "lint"]],
        "shell": [["sh", "-n", *SHELL], ["shellcheck", *SHELL]],
        "ansible-lint": [["ansible-lint", "--nocolor"]],
    }
    for name in arguments or commands:
        with result.row(f"lint {name}") as log:
            if name not in commands:
                raise report.Failed(f"no such lint; I know {', '.join(commands)}")
            for command in commands[name]:
                if command[0] == "shellcheck":
                    # The only one that does not come with .venv.
                    machine.need_programs(log, shellcheck="shellcheck")
                # ansible-lint would look into the user's own folder too, where another mlinabox.core may be installed.
                log.run(*command, env={"ANSIBLE_HOME": str(report.ROOT / ".ansible"), **report.KEPT_BYTECODE})

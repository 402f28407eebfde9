# shellcheck shell=sh
# One line for each file of this host: path, type, mode, owner, and of what is no folder also size, time of change and
# target. Two such lists are the same when nothing on the host has changed.
#
# Left out: what Ansible itself needs to run a module (.ansible), the journal and logs, the compiled twins that any Python
# writes, and the state of services, which changes while nobody does anything.
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path /var/log \
    -o -path /var/lib/systemd -o -name .ansible -o -name __pycache__ \) -prune \
    -o -type d -printf '%p %y %m %U:%G\n' -o -printf '%p %y %m %U:%G %s %T@ %l\n' | LC_ALL=C sort

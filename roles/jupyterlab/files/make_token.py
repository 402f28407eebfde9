"""Makes a person's token: USER PATH. Whole or not at all, and never readable by another, not for a moment."""

import os
import pwd
import secrets
import sys

user, path = sys.argv[1:]
temporary = path + ".new"
if os.path.lexists(temporary):
    os.unlink(temporary)
descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
os.write(descriptor, secrets.token_hex(32).encode())
os.fchown(descriptor, pwd.getpwnam(user).pw_uid, 0)
os.fsync(descriptor)
os.close(descriptor)
os.rename(temporary, path)

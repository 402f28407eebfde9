"""A package that is not there: this check fails, as its row says."""

import never

assert never

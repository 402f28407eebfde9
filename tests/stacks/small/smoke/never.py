"""Fails on purpose, as its row says."""

raise SystemExit("on purpose")

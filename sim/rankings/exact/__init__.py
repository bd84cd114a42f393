"""Closed forms, and exact dynamic programming, for random rankings and their limits."""

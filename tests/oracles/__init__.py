"""Slow, obvious reference versions, in the paper's symbols: what the kernels are tested against."""

"""Compiled loops of the metrics. Inner API: arrays in, arrays out, nothing is checked."""

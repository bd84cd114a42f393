"""Compiled loops of the trainer. Inner API: arrays in, arrays out, nothing is checked."""

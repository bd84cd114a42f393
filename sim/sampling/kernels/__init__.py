"""Compiled loops of the samplers. Inner API: arrays in, arrays out, nothing is checked."""

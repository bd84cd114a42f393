"""Figures 8 to 11: how hard for which K, on trained models."""

"""Robust objectives: what hard negative sampling minimises."""

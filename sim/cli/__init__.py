"""The command ``hns``."""

from .main import main

__all__ = ["main"]

"""``hns reproduce``: what is published, made anew and compared with it; nothing published is touched."""

from .verify import verify

__all__ = ["verify"]

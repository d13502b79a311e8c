# Made of `_async/__init__.py` by `scripts/make_sync.py`: change that one.
"""The client for programs without asyncio."""

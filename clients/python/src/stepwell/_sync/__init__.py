# Generated from `_async/__init__.py` by `scripts/generate_clients.py`. Do not edit.
"""The client for programs without asyncio."""

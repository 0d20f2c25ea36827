"""Pytest plugins of the test suite; `tests/conftest.py` loads them."""

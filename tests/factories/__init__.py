"""Makers of real rows for tests, one module a business folder."""

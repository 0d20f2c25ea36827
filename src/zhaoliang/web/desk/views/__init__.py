"""Views of the desk, by noun."""

"""Changing a policy text without disturbing the rest of it: comments, order and layout stay as they were written."""

"""The fast path: claim, verify, use and sign in over bare RSGI, grouped into array statements on the services' SQL functions.

`app:application` is what granian serves (`zhaoliang gate`). See docs/decisions/0012-gate.md.
"""

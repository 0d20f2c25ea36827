"""Work that takes longer than a request: declared once with `@job`, started by an act, run by the worker, seen by everybody.

Import from `declaring` (`job`), `reporting` (`report`, `Run`), `running` (acts) and `selectors`; empty here, because the
tables of the kernel read the states.
"""

"""`zhaoliang policy`: one module a command; importing one adds its command to the group."""

from zhaoliang.cli.policy import check, coverage, diff, eval, facts, mutate, report, simulate
from zhaoliang.cli.policy.group import app

__all__ = ["app", "check", "coverage", "diff", "eval", "facts", "mutate", "report", "simulate"]

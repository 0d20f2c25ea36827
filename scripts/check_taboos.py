"""Our own lint rules, over the syntax tree: what the platform's code must never do.

clock     a business folder reads the clock (clocks are passed in: `at`, `on`)
money     float or true division beside an amount in fen
state     a state is assigned or updated outside the state machines
secret    a personal identifier goes into a log or onto the screen
objects   a business folder queries another folder's models (use its selectors and services)
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "zhaoliang"
BUSINESS = frozenset(
    [
        "registry",
        "employment",
        "funds",
        "needs",
        "catalogue",
        "vouchers",
        "classes",
        "attendance",
        "evaluation",
        "certificates",
        "apprenticeships",
        "subsidies",
        "payments",
        "recoveries",
        "careers",
        "oversight",
        "policy",
    ]
)
CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "timezone.now", "date.today", "time.time"}
FEN = re.compile(r"(^|_)fen($|_)")
SECRET = re.compile(r"^(id_number|document_number|phone|phone_number|card_number|bank_account|account_number)$")
LOG_CALLS = {"print", "debug", "info", "warning", "error", "exception", "critical", "echo"}
STATE_MACHINE = "kernel/states.py"


def problems_in(name: str, source: str) -> Iterator[str]:
    """Yield `name:line: rule: text` for a module, named by its path under the package."""
    tree = ast.parse(source)
    folder = name.split("/", 1)[0]
    foreign = dict(_foreign_models(tree, folder)) if folder in BUSINESS else {}
    for node in ast.walk(tree):
        for rule, text in _judge(node, name, folder in BUSINESS, foreign):
            yield f"{name}:{getattr(node, 'lineno', 0)}: {rule}: {text}"


def _judge(node: ast.AST, name: str, business: bool, foreign: dict[str, str]) -> Iterator[tuple[str, str]]:
    if business and isinstance(node, ast.Call) and (clock := _dotted(node.func, 2)) in CLOCKS:
        yield "clock", f"{clock}() in a business folder; take `at` or `on` as an argument"
    if isinstance(node, ast.BinOp):
        sides = (node.left, node.right)
        if any(_is_fen(side) for side in sides):
            if isinstance(node.op, ast.Div):
                yield "money", "true division of an amount; use kernel.money"
            if any(isinstance(side, ast.Constant) and isinstance(side.value, float) for side in sides):
                yield "money", "float beside an amount; use kernel.money"
    if isinstance(node, ast.Call) and _dotted(node.func, 1) == "float" and any(map(_is_fen, node.args)):
        yield "money", "an amount made a float"
    if name != STATE_MACHINE:
        yield from _state_problems(node)
    if isinstance(node, ast.Call) and _dotted(node.func, 1) in LOG_CALLS:
        for value in [*node.args, *(keyword.value for keyword in node.keywords)]:
            if any(SECRET.match(_last(part)) for part in _shown(value)):
                yield "secret", "a personal identifier in a log or message; mask it"
    if isinstance(node, ast.Attribute) and node.attr == "objects" and (owner := foreign.get(_last(node.value))):
        yield "objects", f"{_last(node.value)} belongs to {owner}; use its selectors or services"


def _state_problems(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Assign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Attribute) and target.attr in ("state", "status") for target in targets):
            yield "state", "a state assigned; fire an event of its machine"
    updates = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update"
    if updates and any(keyword.arg in ("state", "status") for keyword in node.keywords):
        yield "state", "a state updated; fire an event of its machine"


def _foreign_models(tree: ast.AST, folder: str) -> Iterator[tuple[str, str]]:
    """Yield (name here, owner) of model classes imported from another business folder."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        package, owner, module = [*node.module.split("."), "", ""][:3]
        if package == "zhaoliang" and module == "models" and owner in BUSINESS - {folder}:
            for alias in node.names:
                yield alias.asname or alias.name, owner


def _shown(value: ast.AST) -> Iterator[ast.AST]:
    """Yield the names whose value a message would contain: itself, or the fields of an f-string."""
    if isinstance(value, ast.JoinedStr):
        for part in value.values:
            if isinstance(part, ast.FormattedValue):
                yield part.value
    else:
        yield value


def _is_fen(node: ast.AST) -> bool:
    return bool(FEN.search(_last(node)))


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _dotted(node: ast.AST, depth: int) -> str:
    """Return the last `depth` parts of a dotted name."""
    last = _last(node)
    if depth > 1 and isinstance(node, ast.Attribute):
        return f"{_last(node.value)}.{last}"
    return last


def main() -> int:
    problems: list[str] = []
    for path in sorted(SOURCE.rglob("*.py")):
        problems += problems_in(path.relative_to(SOURCE).as_posix(), path.read_text(encoding="utf-8"))
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

"""Judge one SQL statement: does every city table in it have its city fixed? (scaling facts §6.12)

A table is fixed by `city_code = <value>`, `city_code IN (<values>)`, or `city_code = <city_code of a fixed table>` in
its WHERE or ON; of alternatives (OR) every one must fix it. Reference tables and common table expressions fix nothing
by being joined to, except that a derived table whose own city tables are fixed passes its city_code on.
"""

import re
from collections.abc import Iterable

import sqlglot
from sqlglot import exp

CITY = "city_code"
JUDGED = re.compile(r"\s*[(\s]*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE)\b", re.IGNORECASE)
WORD = re.compile(r"\w+")
# The two sides of an equality: names of tables, or FIXED for a value.
FIXED = "="
Equality = frozenset[str]


def normalised(statement: str) -> str:
    """Return the statement without what differs from run to run: list lengths, savepoint names, white space."""
    text = re.sub(r"\s+", " ", statement).strip()
    return re.sub(r"\((%s)(, ?%s)+\)", "(%s)", text)


def named_in(statement: str, city_tables: Iterable[str]) -> set[str]:
    """Return the city tables that a statement names; empty for one that reads and writes no table."""
    return set(WORD.findall(statement)).intersection(city_tables) if JUDGED.match(statement) else set()


def findings(statement: str, city_tables: Iterable[str]) -> list[str]:
    """Return what is wrong with a statement; empty when it may run on a distributed database."""
    tables = set(city_tables)
    named = named_in(statement, tables)
    if not named:
        return []
    text = re.sub(r"%s|%\(\w+\)s", "'value'", statement).replace("%%", "%")
    try:
        trees = sqlglot.parse(text, dialect="postgres")
    except sqlglot.errors.SqlglotError as error:
        return [f"cannot be parsed, but names {', '.join(sorted(named))}: {str(error)[:80]}"]
    found: list[str] = []
    for tree in trees:
        if tree is not None:
            _judge(tree, tables, {}, found)
    return found


def _judge(node: exp.Expression, tables: set[str], outer: dict[str, bool], found: list[str]) -> None:
    """Judge a statement or subquery; `outer` says which names of enclosing queries have their city fixed."""
    if isinstance(node, exp.Merge):
        if any(table.name in tables for table in node.find_all(exp.Table)):
            found.append("MERGE on a city table cannot be distributed")
        return
    if isinstance(node, exp.Insert):
        target = node.this.this if isinstance(node.this, exp.Schema) else node.this
        if target.name in tables:
            columns = {column.name for column in node.this.expressions} if isinstance(node.this, exp.Schema) else set()
            if CITY not in columns:
                found.append(f"INSERT into {target.name} does not name {CITY}")
        for inner in _inner(node, skip=target):
            _judge(inner, tables, outer, found)
        return
    if isinstance(node, exp.Select | exp.Update | exp.Delete):
        _judge_level(node, tables, outer, found)
        return
    for inner in _inner(node):
        _judge(inner, tables, outer, found)


def _judge_level(node: exp.Expression, tables: set[str], outer: dict[str, bool], found: list[str]) -> None:
    sources = _sources(node)
    shadowed = {cte.alias for cte in node.find_all(exp.CTE)}
    names = {alias: name for alias, name in sources.items() if name in tables and name not in shadowed}
    equalities = set()
    for condition in _conditions(node):
        equalities |= _equalities(condition, sources)
    # A derived table (subquery, CTE) is judged by itself, so a city_code read from it is fixed.
    known = {alias for alias, name in sources.items() if name is None or name in shadowed}
    known |= {alias for alias, fixed in outer.items() if fixed and alias not in sources} | {FIXED}
    grew = True
    while grew:
        grew = False
        for sides in equalities:
            if sides & known and not sides <= known:
                known |= sides
                grew = True
    for alias, name in names.items():
        if alias not in known:
            found.append(f"{name}{'' if alias == name else f' ({alias})'} is reached without its city")
    visible = {**outer, **{alias: alias in known for alias in sources}}
    for inner in _inner(node):
        _judge(inner, tables, visible, found)


def _sources(node: exp.Expression) -> dict[str, str | None]:
    """Return alias → table name of one level; None for derived tables and functions."""
    items: list[exp.Expression] = []
    if isinstance(node, exp.Update | exp.Delete):
        items.append(node.this)
        items += node.args.get("using") or []
    start = node.args.get("from_") or node.args.get("from")
    if start is not None:
        items.append(start.this)
    joins = list(node.args.get("joins") or [])
    for item in [*items]:
        joins += item.args.get("joins") or []
    items += [join.this for join in joins]
    found: dict[str, str | None] = {}
    for item in items:
        if isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier):
            found[item.alias or item.name] = item.name
        elif item.alias_or_name:
            found[item.alias_or_name] = None
    return found


def _conditions(node: exp.Expression) -> list[exp.Expression]:
    conditions = [node.args["where"].this] if node.args.get("where") else []
    joins = list(node.args.get("joins") or [])
    start = node.args.get("from_") or node.args.get("from")
    for item in [node.args.get("this"), start.this if start is not None else None, *(node.args.get("using") or [])]:
        if isinstance(item, exp.Expression):
            joins += item.args.get("joins") or []
    conditions += [join.args["on"] for join in joins if join.args.get("on")]
    return conditions


def _equalities(condition: exp.Expression, sources: dict[str, str | None]) -> set[Equality]:
    """Return the city equalities that hold whenever the condition holds."""
    if isinstance(condition, exp.Paren):
        return _equalities(condition.this, sources)
    if isinstance(condition, exp.And):
        return _equalities(condition.left, sources) | _equalities(condition.right, sources)
    if isinstance(condition, exp.Or):
        return _equalities(condition.left, sources) & _equalities(condition.right, sources)
    if isinstance(condition, exp.EQ):
        left, right = _side(condition.left, sources), _side(condition.right, sources)
        return {frozenset((left, right))} if left and right and {left, right} != {FIXED} else set()
    if isinstance(condition, exp.In) and condition.expressions:
        side = _side(condition.this, sources)
        if side and all(_side(value, sources) == FIXED for value in condition.expressions):
            return {frozenset((side, FIXED))}
    return set()


def _side(expression: exp.Expression, sources: dict[str, str | None]) -> str | None:
    """Return the table whose city_code an expression is, FIXED for an expression of values only, else None."""
    while isinstance(expression, exp.Paren):
        expression = expression.this
    if isinstance(expression, exp.Column):
        if expression.name != CITY:
            return None
        if expression.table:
            return expression.table
        return next(iter(sources)) if len(sources) == 1 else None
    if expression.find(exp.Column, exp.Query):
        return None
    return FIXED


def _inner(node: exp.Expression, skip: exp.Expression | None = None) -> list[exp.Expression]:
    """Return the next statements or queries below a node, not those below them."""
    found: list[exp.Expression] = []

    def walk(current: exp.Expression) -> None:
        for child in current.iter_expressions():
            if child is skip:
                continue
            if isinstance(child, exp.Select | exp.Update | exp.Delete | exp.Insert | exp.Merge):
                found.append(child)
            else:
                walk(child)

    walk(node)
    return found

"""What is changed in a file, one thing at a time, to see whether a test notices: operators, conditions, numbers, parts.

A text is changed where it decides, in a comparison or a pattern. Sentences, labels and names of columns are left alone:
a wrong name fails at once, and wording is what the tests quote.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

SWAPPED: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.FloorDiv,),
    ast.FloorDiv: (ast.Mult,),
    ast.Div: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.Break: (ast.Continue,),
    ast.Continue: (ast.Break,),
}
"""The edge of an order and its opposite; of the rest, what is nearest."""

RENAMED = {
    "ROUND_HALF_UP": "ROUND_HALF_EVEN",
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "floor": "ceil",
    "ceil": "floor",
    "startswith": "endswith",
    "endswith": "startswith",
    "less": "less_equal",
    "greater": "greater_equal",
    "and_": "or_",
    "or_": "and_",
    "fullmatch": "match",
}
"""Names whose neighbour does nearly the same."""

TYPES = {"date", "datetime", "str", "int", "float"}
"""Names of types in lower case; others are in CamelCase."""

UNREAD = {"annotation", "returns", "decorator_list", "format_spec", "type_params"}
"""What says nothing of values, or cannot be changed so that it still runs."""


@dataclass(frozen=True)
class Mutation:
    """One change: `node` becomes `new` in its parent."""

    where: str
    """The class and function that hold it, `Month.end`; empty for what runs at import."""
    line: int | None
    """The first line of that function, as its code object has it."""
    before: str
    after: str
    parent: ast.AST
    field: str
    index: int | None
    new: ast.AST | None
    number: int = 1
    """Which one it is of those that read alike."""

    def apply(self) -> None:
        """Puts it into the tree it was found in."""
        if self.index is None:
            setattr(self.parent, self.field, self.new)
        else:
            getattr(self.parent, self.field)[self.index] = self.new

    def __str__(self) -> str:
        number = f" ({self.number})" if self.number > 1 else ""
        return f"{self.where or 'at import'}: {self.before} -> {self.after}{number}"


def list_mutations(tree: ast.Module) -> list[Mutation]:
    """Every mutation of a file, each with a text of its own that outlives changes elsewhere in the file."""
    counts: Counter[str] = Counter()
    found = []
    for mutation in _walk(tree, "", None):
        counts[str(mutation)] += 1
        found.append(replace(mutation, number=counts[str(mutation)]))
    return found


def _walk(parent: ast.AST, where: str, line: int | None) -> Iterator[Mutation]:
    for field, value in ast.iter_fields(parent):
        if field in UNREAD:
            continue
        for index, node in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(node, ast.AST) or isinstance(node, ast.Import | ast.ImportFrom):
                continue
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue  # a docstring
            if isinstance(node, ast.keyword) and node.arg == "strict":
                continue  # a check of our own
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                continue
            at = index if isinstance(value, list) else None
            for new in _mutate(node, field):
                before, after = _show(node), _show(new)
                yield Mutation(where, line, before, after, parent, field, at, new)
            inner = where
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                inner = f"{where}.{node.name}".lstrip(".")
            yield from _walk(node, inner, line or _find_line(node))


def _find_line(node: ast.AST) -> int | None:
    """Where a function begins; None for one that is kept (`@cache`): only its first call runs it."""
    if not isinstance(node, ast.FunctionDef):
        return None
    decorators = node.decorator_list
    if any("cache" in ast.unparse(decorator) for decorator in decorators):
        return None
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _show(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 160 else f"{text[:100]} ... {text[-57:]}"


def _mutate(node: Any, field: str) -> Iterator[ast.AST]:  # noqa: ANN401
    """What may stand in the place of a node: a copy with one change, or one of its parts."""
    if field in ("test", "ifs") and not isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp):
        yield ast.UnaryOp(ast.Not(), node)
    match node:
        case ast.Compare():
            for place, one in enumerate(node.comparators):
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    texts: list[ast.expr] = list(node.comparators)
                    texts[place] = ast.Constant(f"{one.value}!")
                    yield _copy(node, comparators=texts)
            for number, op in enumerate(node.ops):
                for other in SWAPPED.get(type(op), ()):
                    yield _copy(node, ops=[*node.ops[:number], other(), *node.ops[number + 1 :]])
        case ast.BoolOp():
            for rest in _drop_each(node.values):
                yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        case ast.BinOp(op=ast.BitOr() | ast.BitAnd()) if not _is_type(node):
            yield node.left
            yield node.right
        case ast.BinOp() | ast.AugAssign():
            for other in SWAPPED.get(type(node.op), ()):
                yield _copy(node, op=other())
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.Constant(value=bool(flag)):
            yield ast.Constant(not flag)
        case ast.Constant(value=(int() | float()) as number):
            yield ast.Constant(number + 1)
        case ast.Name() | ast.Attribute():
            yield from _rename(node)
        case ast.Call():
            for number, keyword in enumerate(node.keywords):
                if keyword.arg != "strict":
                    yield _copy(node, keywords=node.keywords[:number] + node.keywords[number + 1 :])
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name("re")), args=[ast.Constant(value=str(text)), *rest]):
                    yield _copy(node, args=[ast.Constant(f"{text}!"), *rest])
        case ast.Set() | ast.List() | ast.Tuple(ctx=ast.Load()) if _is_plain(node.elts) and field != "slice":
            for elements in _drop_each(node.elts):
                yield _copy(node, elts=elements)
        case ast.Dict() if _is_plain(node.keys):
            for pairs in _drop_each(list(zip(node.keys, node.values, strict=True))):
                yield ast.Dict([key for key, _ in pairs], [value for _, value in pairs])
        case ast.Slice():
            if node.lower:
                yield ast.Slice(None, node.upper, node.step)
            if node.upper:
                yield ast.Slice(node.lower, None, node.step)
        case ast.Expr(value=ast.Call()) | ast.Raise():
            yield ast.Pass()
        case ast.Break() | ast.Continue():
            yield SWAPPED[type(node)][0]()


def _copy(node: ast.AST, **changes: Any) -> ast.AST:  # noqa: ANN401
    copied = deepcopy(node)
    vars(copied).update(changes)
    return copied


def _rename(node: ast.Name | ast.Attribute) -> Iterator[ast.AST]:
    if isinstance(node, ast.Name) and node.id in RENAMED and isinstance(node.ctx, ast.Load):
        # `from decimal import ROUND_HALF_UP` brings no other name along; its value is its name.
        other = RENAMED[node.id]
        yield ast.Constant(other) if other.isupper() else ast.Name(other, ast.Load())
    elif isinstance(node, ast.Attribute) and node.attr in RENAMED:
        yield ast.Attribute(node.value, RENAMED[node.attr], node.ctx)


def _is_plain(nodes: Sequence[ast.expr | None]) -> bool:
    return all(isinstance(node, ast.Constant) for node in nodes)


def _is_type(node: ast.expr) -> bool:
    """Whether it is the name of a type, such as `datetime | str | None`: a note for readers, as an annotation is."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.BitOr) and _is_type(node.left) and _is_type(node.right)
    if isinstance(node, ast.Name):
        return node.id in TYPES or re.match("[A-Z][a-z]", node.id) is not None
    return isinstance(node, ast.Constant) and node.value is None


def _drop_each(parts: list[Any]) -> Iterator[list[Any]]:
    return (parts[:number] + parts[number + 1 :] for number in range(len(parts)))

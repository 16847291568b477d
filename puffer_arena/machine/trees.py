"""Syntax trees of functions: what is read of them, and what new ones are written from."""

import ast
import functools
import linecache
from types import FunctionType


@functools.lru_cache(maxsize=8)
def _definitions(file: str, source: str) -> dict[tuple[str, int], ast.FunctionDef]:
    """Return the functions of a file by name and first line, decorators included."""
    try:
        found = [node for node in ast.walk(ast.parse(source, file)) if isinstance(node, ast.FunctionDef)]
    except SyntaxError:  # changed since it was imported
        return {}
    return {(node.name, min([node.lineno, *(part.lineno for part in node.decorator_list)])): node for node in found}


def definition(function: FunctionType) -> ast.FunctionDef | None:
    """Return the syntax tree of a function, or None where its source is not at hand."""
    code = function.__code__
    linecache.checkcache(code.co_filename)  # the file may have been edited and imported again
    source = "".join(linecache.getlines(code.co_filename, function.__globals__))
    return _definitions(code.co_filename, source).get((code.co_name, code.co_firstlineno))


@functools.lru_cache(maxsize=512)
def own_nodes(node: ast.AST) -> tuple[ast.AST, ...]:
    """Return the nodes below `node`, in the order of the source, without those of functions within.

    Every check asks for those of the same rules.
    """
    found: list[ast.AST] = []

    def visit(parent: ast.AST) -> None:
        for child in ast.iter_child_nodes(parent):
            found.append(child)
            if not isinstance(child, ast.FunctionDef | ast.Lambda):
                visit(child)

    visit(node)
    return tuple(found)


@functools.lru_cache(maxsize=4096)
def source_text(node: ast.expr) -> str:
    """Return an expression as text; what rules read and write is known by it, and asked for again and again."""
    return ast.unparse(node)

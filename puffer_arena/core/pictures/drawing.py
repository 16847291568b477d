"""How a game draws itself, as compiled rules: what agents see where a picture is asked for in place of observations.

`draw(s, p, canvas)` is plain Python, as are `draw3d` and `camera` of worlds in space.  Here its source is written anew:
calls of the canvas become calls of `raster`, names of colours numbers, and points are handed over one by one; text, status
lines and what is only made for them are left out.  Functions that it calls are treated alike.  What is then no rule that
compiles is an error at its line.
"""

import ast
import copy
import inspect
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from puffer_arena.core.canvas import Canvas
from puffer_arena.core.env import Env
from puffer_arena.core.pictures import raster
from puffer_arena.machine.compile import generate, is_jit, jit
from puffer_arena.machine.trees import definition

LEFT_OUT = ("text", "status")  # of a canvas
CALLED = {
    "view": raster.set_view,
    "rect": raster.draw_rect,
    "circle": raster.draw_circle,
    "ring": raster.draw_ring,
    "line": raster.draw_line,
    "polygon": raster.draw_polygon,
    "picture": raster.draw_picture,
    "agent": raster.note_agent,
    "begin": raster.begin_points,
    "point": raster.add_point,
}
WHOLE, UNCHANGED = ("color", "index", "field", "k"), ("pixels", "up", "bleed", "a", "b")  # arguments that are no floats


@dataclass(frozen=True)
class Words:
    """What a function may say to its canvas, and what becomes of it.

    Attributes:
        what: the canvas is called, in messages.
        protocol: the class that tells the arguments of each call.
        called: method -> what is called instead; "begin" and "point" take the points of a line one by one.
        left_out: methods that agents see nothing of.
        attributes: attribute -> a number, or a function of the canvas.
        names: words of strings -> numbers.
        dimensions: numbers of a point.
    """

    what: str
    protocol: type
    called: Mapping[str, Any]
    left_out: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, int] = field(default_factory=dict)
    dimensions: int = 2


FLAT = Words("a canvas", Canvas, CALLED, LEFT_OUT, {"moment": 1.0}, {name: k for k, name in enumerate(raster.NAMES)})


def see_flat(env: Env) -> dict[str, Any]:
    """Return the rules by which agents see a game as `draw` draws it: `observe`, and of several agents `observe_all`.

    Among several the one that looks is marked; all else is painted once for all.
    """
    paint = {"paint": Writer(env, FLAT).write(env.draw), "opened": raster.open_canvas}
    if not env.agents:
        return {"observe": generate("observe", "s, p, obs", ["    paint(s, p, opened(obs, 0))"], **paint)}
    one = ["    canvas = opened(obs, agent + 1)", "    paint(s, p, canvas)", "    mark(canvas, agent)"]
    each = ["    canvas = opened(obs[0], len(obs))", "    paint(s, p, canvas)", "    mark(canvas, obs)"]
    return {
        "observe": generate("observe", "s, p, agent, obs", one, mark=raster.mark_agent, **paint),
        "observe_all": generate("observe_all", "s, p, obs", each, mark=raster.mark_each, **paint),
    }


class Writer:
    """Writes the rules of one environment's drawing; each function once for every way in which it gets a canvas.

    Attributes:
        shines: whether a call written so far lets light shine through.
    """

    def __init__(self, env: Env, words: Words) -> None:
        self.env, self.words, self.shines = env, words, False
        self._written: dict[tuple[FunctionType, tuple[str, ...] | None], Any] = {}

    def write(self, function: Any, canvases: tuple[str, ...] | None = None) -> Any:
        """Return a function as a rule.

        Args:
            function: plain Python.
            canvases: its arguments that are canvases; None for the third, as of the environment's own functions.
        """
        key = function, canvases
        if key in self._written:
            return self._written[key]
        tree = definition(function)
        if tree is None or function.__closure__:
            where = function.__code__.co_filename, function.__code__.co_firstlineno
            reason = "a picture is painted by a rule that is written from its source, and there is none here"
            raise self.env.error_at(function.__name__, *where, reason)
        tree = copy.deepcopy(tree)
        canvases = (tree.args.args[2].arg,) if canvases is None else canvases
        body = Body(self, function, frozenset(canvases))
        body.rewrite(tree)
        module = ast.fix_missing_locations(ast.Module([tree], []))
        namespace = {
            **{name: numbered(value, self.words.names) for name, value in function.__globals__.items()},
            **body.called,
        }
        code = compile(module, function.__code__.co_filename, "exec")
        exec(code, namespace)  # the author's own source, written anew
        rule = jit(namespace[tree.name])
        rule.__qualname__ = f"{rule.__qualname__}.pixels"
        self._written[key] = rule
        return rule


def numbered(value: Any, names: Mapping[str, int]) -> Any:
    """Return names, such as those of colours, as their numbers, within tuples and lists too."""
    if isinstance(value, str):
        return names.get(value, value)
    if type(value) in (tuple, list) and any(isinstance(part, str | tuple | list) for part in value):
        return tuple(numbered(part, names) for part in value)
    return value


class Body(ast.NodeTransformer):
    """Writes one function anew; what it calls then is `called`, by name."""

    def __init__(self, writer: Writer, function: FunctionType, canvases: frozenset[str]) -> None:
        self._writer, self._function, self._canvases = writer, function, canvases
        self._words = writer.words
        self._fresh = itertools.count()
        self.called: dict[str, Any] = {}

    def rewrite(self, tree: ast.FunctionDef) -> None:
        """Write the function anew in place; its arguments have neither defaults nor names that must be given."""
        tree.decorator_list, tree.returns = [], None
        tree.args.args = [*tree.args.args, *tree.args.kwonlyargs]
        tree.args.kwonlyargs, tree.args.kw_defaults, tree.args.defaults = [], [], []
        for argument in tree.args.args:
            argument.annotation = None
        tree.body = self._without_words(tree.body)
        while unused := unread(tree):
            tree.body = without(tree.body, unused)
        self.generic_visit(tree)

    def _without_words(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Leave out what is written or said, and docstrings."""
        return drop(statements, lambda node: isinstance(node, ast.Expr) and self._is_words(node.value))

    def _is_words(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Constant) or self._method(node) in self._words.left_out

    def _method(self, node: ast.AST) -> str:
        """Return which method of a canvas is called, "" for none."""
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if name in self._canvases:
                return method
        return ""

    # -- calls --------------------------------------------------------------------------------------------

    def visit_Expr(self, node: ast.Expr) -> Any:
        method = self._method(node.value)
        if not method or not isinstance(node.value, ast.Call):
            return self.generic_visit(node)
        if method not in self._words.called:
            raise self._error(node, f"{self._words.what} has no '{method}'")
        given = self._bound(
            node, getattr(self._words.protocol, method), [ast.Name("self", ast.Load()), *node.value.args], node.value
        )
        canvas = node.value.func.value  # type: ignore[attr-defined]  # a method's
        del given["self"]
        points = given.pop("points", None)
        alpha = given.get("alpha", node.value)
        self._writer.shines |= "alpha" in given and not (isinstance(alpha, ast.Constant) and alpha.value == 1.0)
        arguments = [self._converted(name, self.visit(value)) for name, value in given.items()]
        last = self._statement(node, method, canvas, arguments)
        if points is None:
            return last
        return [self._statement(node, "begin", canvas, []), *self._points(node, canvas, points), last]

    def _bound(self, node: ast.AST, function: Any, given: list[ast.expr], call: ast.Call) -> dict[str, ast.expr]:
        """Return the arguments of a call by name, those left out included; `*point` is as many as it has numbers."""
        arguments: list[ast.expr] = []
        for each in given:
            if isinstance(each, ast.Starred):
                arguments += [
                    ast.Subscript(each.value, ast.Constant(k), ast.Load()) for k in range(self._words.dimensions)
                ]
            else:
                arguments.append(each)
        try:
            bound = inspect.signature(function).bind(*arguments, **{k.arg or "**": k.value for k in call.keywords})
        except TypeError as error:
            raise self._error(node, str(error)) from None
        bound.apply_defaults()
        return {
            name: value if isinstance(value, ast.expr) else ast.Constant(value)
            for name, value in bound.arguments.items()
        }

    @staticmethod
    def _converted(name: str, value: ast.expr) -> ast.expr:
        """Make a number what `raster` takes, so that it compiles once for all calls."""
        if name in UNCHANGED:
            return value
        return ast.Call(ast.Name("int" if name in WHOLE else "float", ast.Load()), [value], [])

    def _statement(self, at: ast.AST, what: str, canvas: ast.expr, arguments: list[ast.expr]) -> ast.stmt:
        name = f"raster_{what}"
        self.called[name] = self._words.called[what]
        made: ast.stmt = located(ast.Expr(ast.Call(ast.Name(name, ast.Load()), [canvas, *arguments], [])), at)
        return made

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> Any:
        """Make a list of what would be handed on one by one, which does not compile."""
        return self.generic_visit(located(ast.ListComp(node.elt, node.generators), node))

    def visit_Call(self, node: ast.Call) -> Any:
        function = self._function.__globals__.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if not isinstance(function, FunctionType) or is_jit(function):
            return self.generic_visit(node)
        given = self._bound(node, function, node.args, node)
        canvases = tuple(
            name for name, value in given.items() if isinstance(value, ast.Name) and value.id in self._canvases
        )
        name = f"{function.__name__}_{'_'.join(canvases)}_written"
        self.called[name] = self._writer.write(function, canvases)
        arguments = [self.visit(value) for value in given.values()]
        return located(ast.Call(ast.Name(name, ast.Load()), arguments, []), node)

    # -- points -------------------------------------------------------------------------------------------

    def _points(self, at: ast.AST, canvas: ast.expr, node: ast.expr) -> list[ast.stmt]:
        """Return statements that hand over the points of an expression."""
        match node:
            case ast.List() | ast.Tuple():
                return [made for element in node.elts for made in self._point(at, canvas, element)]
            case ast.BinOp(op=ast.Add()):
                return self._points(at, canvas, node.left) + self._points(at, canvas, node.right)
            case ast.ListComp() | ast.GeneratorExp():
                return self._each(at, canvas, node)
            case ast.Call(func=ast.Name(id="list" | "tuple"), args=[ast.GeneratorExp() | ast.ListComp() as inner]):
                return self._each(at, canvas, inner)
            case ast.IfExp():
                branches = [self._points(at, canvas, part) for part in (node.body, node.orelse)]
                return [located(ast.If(self.visit(node.test), *branches), at)]
        name = f"point_{next(self._fresh)}"
        inside = self._point(at, canvas, ast.Name(name, ast.Load()))
        return [located(ast.For(ast.Name(name, ast.Store()), self.visit(node), inside, []), at)]

    def _point(self, at: ast.AST, canvas: ast.expr, node: ast.expr) -> list[ast.stmt]:
        if isinstance(node, ast.Starred):
            return self._points(at, canvas, node.value)
        if isinstance(node, ast.Tuple) and len(node.elts) == self._words.dimensions:
            parts: list[ast.expr] = [self.visit(part) for part in node.elts]
            return [self._statement(at, "point", canvas, [self._converted("", part) for part in parts])]
        name = f"point_{next(self._fresh)}"
        kept = located(ast.Assign([ast.Name(name, ast.Store())], self.visit(node)), at)
        every = range(self._words.dimensions)
        parts = [ast.Subscript(ast.Name(name, ast.Load()), ast.Constant(k), ast.Load()) for k in every]
        return [kept, self._statement(at, "point", canvas, [self._converted("", part) for part in parts])]

    def _each(self, at: ast.AST, canvas: ast.expr, node: ast.ListComp | ast.GeneratorExp) -> list[ast.stmt]:
        """Write a comprehension as loops, with names of their own."""
        stored = {
            inner.id for part in node.generators for inner in ast.walk(part.target) if isinstance(inner, ast.Name)
        }
        renamed = Renamed({name: f"{name}_{next(self._fresh)}" for name in stored})
        node = renamed.visit(node)
        made = self._point(at, canvas, node.elt)
        for part in reversed(node.generators):
            for test in reversed(part.ifs):
                made = [located(ast.If(self.visit(test), made, []), at)]
            made = [located(ast.For(part.target, self.visit(part.iter), made, []), at)]
        return made

    # -- words --------------------------------------------------------------------------------------------

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        of_canvas = isinstance(node.value, ast.Name) and node.value.id in self._canvases
        if not of_canvas or node.attr not in self._words.attributes:
            return self.generic_visit(node)
        value = self._words.attributes[node.attr]
        if not callable(value):
            return ast.copy_location(ast.Constant(value), node)
        self.called[f"canvas_{node.attr}"] = value
        return located(ast.Call(ast.Name(f"canvas_{node.attr}", ast.Load()), [node.value], []), node)

    def visit_Constant(self, node: ast.Constant) -> Any:
        return ast.copy_location(ast.Constant(numbered(node.value, self._words.names)), node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return self.generic_visit(ast.copy_location(ast.Assign([node.target], node.value), node))

    def _error(self, node: ast.AST, reason: str) -> Exception:
        function = self._function
        line = getattr(node, "lineno", function.__code__.co_firstlineno)
        return self._writer.env.error_at(function.__name__, function.__code__.co_filename, line, reason)


class Renamed(ast.NodeTransformer):
    """Gives names others."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(self._names.get(node.id, node.id), node.ctx), node)


def located(node: Any, at: ast.AST) -> Any:
    """Return a new node as one at the line of another, with all that is new within."""
    return ast.fix_missing_locations(ast.copy_location(node, at))


def drop(statements: list[ast.stmt], dropped: Any) -> list[ast.stmt]:
    """Return statements without those that `dropped` tells, inside of others too; none is left empty."""
    kept = []
    for statement in statements:
        if dropped(statement):
            continue
        for name in ("body", "orelse"):
            inner = getattr(statement, name, None)
            if inner:
                left = drop(inner, dropped)
                setattr(statement, name, left or ([ast.copy_location(ast.Pass(), statement)] if name == "body" else []))
        kept.append(statement)
    return kept or [ast.copy_location(ast.Pass(), statements[0])] if statements else kept


def names_in(node: ast.AST, kind: type[ast.expr_context]) -> Iterator[str]:
    """Yield the names that are read, or written, within a node."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, kind):
            yield inner.id


def unread(tree: ast.FunctionDef) -> frozenset[str]:
    """Return names that are assigned, or defined, and never read."""
    read = set(names_in(tree, ast.Load))
    made = {inner.name for inner in ast.walk(tree) if isinstance(inner, ast.FunctionDef) and inner is not tree}
    for inner in ast.walk(tree):
        if isinstance(inner, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = inner.targets if isinstance(inner, ast.Assign) else [inner.target]
            names = [name for target in targets for name in names_in(target, ast.Store)]
            simple = all(isinstance(target, ast.Name | ast.Tuple) for target in targets)
            if simple and not read.intersection(names):
                made.update(names)
    return frozenset(made - read)


def without(statements: list[ast.stmt], unused: frozenset[str]) -> list[ast.stmt]:
    """Return statements without those that only make what is not used."""

    def makes(node: ast.stmt) -> bool:
        if isinstance(node, ast.FunctionDef):
            return node.name in unused
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [name for target in targets for name in names_in(target, ast.Store)]
            return bool(names) and unused.issuperset(names)
        return False

    return drop(statements, makes)

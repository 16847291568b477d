"""Change rules one place at a time, and count the changes that their tests notice.

    python tools/mutate.py                                  # the modules of SUBJECTS, 60 places of each
    python tools/mutate.py envs/connect4/rules.py           # one of them
    python tools/mutate.py envs/snake/rules.py --tests tests/test_envs_snake.py --places 200

A place is a comparison, an operator, a number, a condition or an assignment within a rule: a function that the environment
names as its `reset`, `step` and so on, or one that these call.  Each change is tried in a copy of the checkout by a process of its own, which ends with the
first test that fails.  What survives is printed with its line: either a test is missing, or the change means nothing.
"""

import argparse
import ast
import copy
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("puffer_arena", "envs", "render", "trainers", "assets", "tests", "examples", "pyproject.toml")
SUBJECTS = {
    "envs/snake/rules.py": ["tests/test_envs_snake.py"],
    "envs/connect4/rules.py": ["tests/test_envs_connect4.py", "-k", "not bot and not further and not pettingzoo"],
    "envs/tag/rules.py": ["tests/test_envs_tag.py"],
}
RULES = ("reset", "step", "turn", "act", "judge", "observe", "action_mask")
LIMIT = 10  # times what the tests take unchanged: a rule that never ends is noticed, too
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult, ast.Mod: ast.Mult,
    ast.And: ast.Or, ast.Or: ast.And, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """A module with one change.

    Attributes:
        line: of the change, from 1.
        before, after: what stands there.
        text: the whole module, changed.
    """

    line: int
    before: str
    after: str
    text: str


def main() -> int:
    """Try the changes; the exit code is 1 where any survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", nargs="?", help="a file of rules; left out: those of SUBJECTS")
    parser.add_argument("--tests", nargs="+", default=[], help="files whose tests should notice")
    parser.add_argument("--places", type=int, default=60, help="changes to try, drawn from all")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    options = parser.parse_args()
    subjects = {options.module: options.tests or SUBJECTS.get(options.module)} if options.module else SUBJECTS
    if not all(subjects.values()):
        parser.error(f"name the --tests that should notice a change of {options.module}")
    survived = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIED:
            lay = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            lay(ROOT / name, Path(folder) / name)
        for module, tests in subjects.items():
            changes = list(every_change(ROOT / module))
            drawn = random.Random(options.seed).sample(changes, min(options.places, len(changes)))
            survived += try_changes(Path(folder), module, tests, sorted(drawn, key=lambda c: c.line), len(changes))
    return 1 if survived else 0


def every_change(module: Path) -> Iterator[Change]:
    """Yield a module with each of the changes that there are to its rules."""
    text = module.read_text("utf-8")
    tree, maker = ast.parse(text), text if "ENV = Env(" in text else module.with_name("__init__.py").read_text("utf-8")
    for rule in find_rules(tree, ast.parse(maker)):
        for node in ast.walk(rule):
            for changed in changes_of(node):
                if hasattr(node, "lineno"):
                    whole = replaced(tree, node, changed)
                    yield Change(node.lineno, ast.unparse(node), ast.unparse(changed), ast.unparse(whole))


def find_rules(tree: ast.Module, maker: ast.Module) -> list[ast.FunctionDef]:
    """Return the functions of a module that `Env(...)` in `maker` names in RULES, and those they call."""
    functions = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    made = [each.keywords for each in ast.walk(maker) if isinstance(each, ast.Call) and names_of(each.func) == {"Env"}]
    reached, ahead = dict[str, ast.FunctionDef](), [(names_of(k.value)) for k in made[-1] if k.arg in RULES]
    while ahead:
        for name in ahead.pop() & functions.keys() - reached.keys():
            reached[name] = functions[name]
            ahead.append(names_of(functions[name]))
    return [each for name, each in functions.items() if name in reached]


def names_of(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def changes_of(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in a node's place."""
    match node:
        case ast.Compare(ops=[kind]) if type(kind) in SWAPS:
            yield ast.Compare(node.left, [SWAPS[type(kind)]()], node.comparators)  # type: ignore[list-item]
        case ast.BinOp(op=kind) | ast.AugAssign(op=kind) | ast.BoolOp(op=kind) if type(kind) in SWAPS:
            changed = copy.copy(node)
            changed.op = SWAPS[type(kind)]()  # type: ignore[assignment]
            yield changed
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield ast.Constant(node.value + 1)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.If():
            yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    if isinstance(node, ast.Assign | ast.AugAssign) and not isinstance(getattr(node, "target", None), ast.Name):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if all(isinstance(target, ast.Attribute | ast.Subscript) for target in targets):  # a name would be missing
            yield ast.Pass()


def replaced(tree: ast.Module, node: ast.AST, changed: ast.AST) -> ast.Module:
    """Return a copy of a module with something else in a node's place."""

    class Replace(ast.NodeTransformer):
        def visit(self, visited: ast.AST) -> ast.AST:
            return changed if visited is node else self.generic_visit(clone(visited))

    return ast.fix_missing_locations(Replace().visit(tree))


def clone(node: ast.AST) -> ast.AST:
    """Return a copy of a node with lists of its own, which a transformer may change."""
    fields = {name: list(value) if isinstance(value, list) else value for name, value in ast.iter_fields(node)}
    return ast.copy_location(type(node)(**fields), node)


def try_changes(folder: Path, module: str, tests: list[str], changes: list[Change], places: int) -> int:
    """Try changes of a module, print which survived, and return how many."""
    path, unchanged = folder / module, (folder / module).read_text("utf-8")
    path.write_text(ast.unparse(ast.parse(unchanged)), "utf-8")
    began = time.monotonic()
    if not passes(folder, tests, None):
        raise SystemExit(f"the tests of {module} fail as it is: {' '.join(tests)}")
    limit = LIMIT * (time.monotonic() - began)
    survivors = []
    for change in changes:
        path.write_text(change.text, "utf-8")
        if passes(folder, tests, limit):
            survivors.append(change)
    path.write_text(unchanged, "utf-8")
    print(f"{module}: {len(changes) - len(survivors)} of {len(changes)} changes noticed ({places} places)", flush=True)
    for change in survivors:
        first, then = (text.split("\n")[0] for text in (change.before, change.after))
        print(f"  {module}:{change.line}: {first}  ->  {then}", flush=True)
    return len(survivors)


def passes(folder: Path, tests: list[str], limit: float | None) -> bool:
    """Run tests in the copy; one that takes longer than the limit fails."""
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--no-header"]
    with subprocess.Popen(
        [*command, *tests],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            return process.wait(limit) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return False


if __name__ == "__main__":
    sys.exit(main())

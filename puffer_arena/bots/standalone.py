"""A bot's runtime in one Python file, which a game carries along with nothing of ours installed.

The file is the modules below, one after the other: their imports of one another go, all other imports come first.
"""

import ast
from importlib import resources

from puffer_arena.errors import DefinitionError

MODULES = (
    "errors",
    "bots.file",
    "bots.layout",
    "bots.stream",
    "bots.network",
    "bots.heads",
    "bots.fields",
    "bots.model",
    "bots.bot",
    "bots.difficulty",
    "bots.driver",
)
TITLE = '''"""Plays {name} with numpy alone; made by puffer_arena, MIT License.

    import {module}
    bot = {module}.load()              # or load(difficulty=3), load("another.bot")
    action = bot.act(observation)
"""
'''
ENDING = '''

def load(path: "str | Path" = Path(__file__).with_name({name!r}), seed: int = 0, difficulty: "int | None" = None) -> Bot:
    """Load the bot that lies beside this file, or another; see `load_bot`."""
    return load_bot(path, seed, difficulty)
'''


def standalone(module: str, bot_name: str) -> str:
    """Return the source of a module that needs numpy alone.

    Args:
        module: what it will be called.
        bot_name: the name of the bot's file, which lies beside it.

    Raises:
        DefinitionError: two of its parts define one name.
    """
    imports: dict[str, None] = {}
    bodies, defined = [], dict[str, str]()
    for name in MODULES:
        package, _, last = f"puffer_arena.{name}".rpartition(".")
        source = resources.files(package).joinpath(f"{last}.py").read_text("utf-8")
        tree = ast.parse(source)
        lines = source.splitlines()
        kept = set(range(len(lines)))
        for node in tree.body:
            outside = isinstance(node, ast.Import | ast.ImportFrom)
            if outside and not ast.unparse(node).startswith("from puffer_arena"):
                imports[ast.unparse(node)] = None
            if outside or (isinstance(node, ast.Expr) and node is tree.body[0]):
                assert node.end_lineno is not None  # it was parsed from text
                kept -= set(range(node.lineno - 1, node.end_lineno))
            for each in _names(node):
                if defined.setdefault(each, name) != name:
                    raise DefinitionError(f"'{each}' is defined in {defined[each]} and in {name}; rename one")
        body = "\n".join(line for k, line in enumerate(lines) if k in kept).strip("\n")
        bodies.append(f"# {ast.get_docstring(tree, clean=True).splitlines()[0]}\n\n{body}\n")  # type: ignore[union-attr]  # all have one
    title = TITLE.format(name=bot_name, module=module)
    return "\n".join([title, *imports, "", "\n\n".join(bodies)]) + ENDING.format(name=bot_name)


def _names(node: ast.stmt) -> list[str]:
    """Return what a statement at a module's top defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]

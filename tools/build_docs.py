"""Build the documentation site: the pages under docs/, and those that are made from the code itself.

    python tools/build_docs.py             # into build/docs/html; a warning is an error
    python tools/build_docs.py --pages     # only gather the pages, into build/docs/source

Made from the code: a page for every game, algorithm and command, the reference of everything public, and the games that
the first page plays (docs/browser.md), which need the extra `browser`.
"""

import argparse
import dataclasses
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from puffer_arena import __main__ as command_line
from puffer_arena import list_envs, load_env
from puffer_arena.browser.page import write_page
from puffer_arena.cli.list import describe_space
from puffer_arena.core.env import Env

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "docs"
WHOLE = ["CHANGELOG.md", "CONTRIBUTING.md", "MIGRATION.md", "SECURITY.md"]
# The site's parts, in order, and their pages; what no part names comes under the last.
PARTS = {
    "Getting started": ["start"],
    "Tutorials": ["tutorials/*", "training", "curriculum", "replays", "bots"],
    "Games": ["games/*"],
    "Methods": ["algorithms", "methods/*"],
    "Commands": ["commands/*"],
    "Coming from": ["moving/*", "../MIGRATION"],
    "Reference": ["authoring", "reference/*"],
    "How it works": ["design", "determinism", "performance", "benchmarks", "production", "reliability", "stability"],
    "Help": ["troubleshooting", "../CONTRIBUTING", "../SECURITY", "../CHANGELOG"],
    "More": ["*"],
}
DEMO = ["snake", "lander"]  # games that the first page plays
FRAME = """
```{raw} html
<iframe src="arcade.html" title="Games to play" style="width: 100%; height: 640px; border: 0"></iframe>
```
"""
# What is public, by the page that describes it.
REFERENCE = {
    "puffer_arena": "Making, training, measuring and loading: what `import puffer_arena` gives.",
    "puffer_arena.core": "What an environment is written with.",
    "puffer_arena.batch.batch": "Many rows of one environment, stepped together.",
    "puffer_arena.replay": "Recording, reading, verifying and forking replays.",
    "puffer_arena.curriculum": "Who chooses the next level.",
    "puffer_arena.levels": "Levels that people draw, and their files.",
    "puffer_arena.players": "Who plays, and how well.",
    "puffer_arena.datasets": "Whole episodes to learn from without playing.",
    "puffer_arena.bots.bot": "Bots that play with numpy alone.",
    "puffer_arena.bots.driver": "Bots in a game's frames.",
    "puffer_arena.bots.difficulty": "Bots that can be beaten.",
    "puffer_arena.training": "Runs from Python.",
    "puffer_arena.trainers": "Losses, policies and settings for those who go further.",
    "puffer_arena.trainers.algorithms.ppo": "PPO, to vary.",
    "puffer_arena.settings": "Settings that carry their range and a line about themselves.",
    "puffer_arena.adapters.gymnasium": "Gymnasium's two interfaces.",
    "puffer_arena.adapters.pettingzoo": "PettingZoo's two interfaces.",
    "puffer_arena.errors": "Every error, and what it means.",
}


def main() -> None:
    """Gather the pages, and have Sphinx make them a site."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", action="store_true", help="only gather the pages")
    options = parser.parse_args()
    source = BUILD / "source"
    count = gather(source)
    print(f"{count} pages in {source.relative_to(ROOT)}")
    if not options.pages:
        build = ["sphinx", "-b", "html", "-W", "--keep-going", "-q", "-c", str(ROOT / "docs" / "site")]
        subprocess.run([sys.executable, "-m", *build, str(source), str(BUILD / "html")], check=True)
        write_page(BUILD / "html" / "docs" / "arcade.html", DEMO, "Play here")
        print(f"open {(BUILD / 'html' / 'docs' / 'index.html').relative_to(ROOT)}")


def gather(source: Path) -> int:
    """Lay the pages out as they lie in the checkout, so that links between them hold; return how many there are."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "docs", source / "docs", ignore=shutil.ignore_patterns("site"))
    shutil.copytree(ROOT / "examples", source / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    for name in WHOLE:
        shutil.copy(ROOT / name, source / name)
    for page in source.rglob("*.md"):
        bring_linked(page, source)
    for folder, pages in {
        "games": game_pages(),
        "methods": method_pages(),
        "commands": command_pages(),
        "reference": reference_pages(),
    }.items():
        write(source / "docs" / folder, pages)
    index = source / "docs" / "index.md"
    index.write_text(index.read_text("utf-8") + FRAME + contents(source / "docs"), "utf-8")
    return len(list(source.rglob("*.md")))


def bring_linked(page: Path, source: Path) -> None:
    """Copy the files of the checkout that a page links to, such as a game's source, to where the link points."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        there = (page.parent / target).resolve()
        here = ROOT / there.relative_to(source.resolve())
        if here.is_file() and not there.exists():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(here, there)


def contents(docs: Path) -> str:
    """Return the site's table of contents, for the first page."""
    text, known = "", {"index"}
    for part, patterns in PARTS.items():
        pages = []
        for pattern in patterns:
            found = sorted(docs.glob(f"{pattern}.md")) if "*" in pattern else [docs / f"{pattern}.md"]
            pages += [os.path.relpath(path.with_suffix(""), docs) for path in found]
        pages = [page for page in pages if page not in known]
        known.update(pages)
        if pages:
            text += f"\n```{{toctree}}\n:hidden:\n:caption: {part}\n\n" + "\n".join(pages) + "\n```\n"
    return text


def write(folder: Path, pages: Iterable[tuple[str, str]]) -> None:
    """Write pages given by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages:
        (folder / f"{name}.md").write_text(text, "utf-8")


# -- games -----------------------------------------------------------------------------------------------


def game_pages() -> Iterator[tuple[str, str]]:
    """Yield a page for every game."""
    for name in list_envs():
        yield name, game_page(name, load_env(name))


def game_page(name: str, env: Env) -> str:
    """Describe a game: what it is, a moving picture, spaces, parameters, bots, counters, how to play and train it."""
    values = env.params()
    title, _, rest = inspect.cleandoc(env.doc).partition("\n")
    picture = ROOT / "docs" / "games" / f"{name}.gif"
    agents = ", ".join(f"{count} {role}" for role, count in env.agents.items()) or "1"
    facts = [
        ("agents", agents),
        ("observation", describe_space(env.observation.resolve(values))),
        ("action", describe_space(env.action.resolve(values))),
        ("engine", env.engine or "rules alone"),
        ("natural speed", f"{env.steps_per_second:g} steps/s"),
        ("scripted bots", ", ".join(env.bots) or "none"),
        ("counters", ", ".join(env.counters) or "none"),
        ("signals", ", ".join(env.signals) or "none"),
        ("solved", "not defined" if env.solved is None else f"mean return of {env.solved:g}"),
        ("version", str(env.version)),
    ]
    lines = [f"# {name}", "", escape(title), ""]
    if picture.exists():
        lines += [f"![{name}]({picture.name})", ""]
    lines += ["```sh", f"python -m puffer_arena play {name}", f"python -m puffer_arena train {name} --watch", "```", ""]
    lines += prose(rest)
    lines += ["", "## Spaces and facts", "", *table(("", ""), facts), ""]
    if env.parameters:
        rows = [
            (f"`{p.name}`", f"`{p.default}`", f"{p.low} to {p.high}" if p.ranged else "", p.doc)
            for p in env.parameters.values()
        ]
        lines += ["## Parameters", "", *table(("parameter", "default", "range", "meaning"), rows), ""]
    if learned := [line for line in benchmark_lines() if re.search(rf"\b{re.escape(name)}\b", line)]:
        lines += ["## Measured", "", "From [the benchmarks](../benchmarks.md):", "", *learned, ""]
    return "\n".join(lines)


def benchmark_lines() -> list[str]:
    """Return the rows of the benchmarks' tables, as list items."""
    text = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    return ["- " + "; ".join(filter(None, row)) for row in cells if not set("".join(row)) <= set("-: ")]


# -- algorithms and commands -----------------------------------------------------------------------------


def method_pages() -> Iterator[tuple[str, str]]:
    """Yield a page for every algorithm and curriculum, with its settings."""
    from puffer_arena.curriculum import CURRICULA
    from puffer_arena.trainers.algorithms import find_algorithm, list_algorithms

    for name in list_algorithms():
        kind = find_algorithm(name)
        module = inspect.cleandoc(importlib.import_module(kind.__module__).__doc__ or "")
        yield name, method_page(name, module, kind.settings, kind.section, said_of(name))
    for name, kind in CURRICULA.items():
        doc = inspect.cleandoc(kind.__doc__ or "")
        shown = f"python -m puffer_arena train maze --curriculum {name} --curriculum.ranges walls=0.1:0.6"
        said = ["```sh", shown, "```", ""]
        yield f"curriculum_{name}", method_page(name, doc, kind.Settings, "curriculum.settings", said)


def said_of(name: str) -> list[str]:
    """Return what docs/algorithms.md says of an algorithm: what it is for, its command and how far it gets."""
    text = (ROOT / "docs" / "algorithms.md").read_text("utf-8")
    for section in text.split("\n## ")[1:]:
        heading, _, body = section.partition("\n")
        if name in heading.replace(" ", "").split(","):
            nearer = re.sub(r"\]\((?=[a-z]+\.md|\.\./)", "](../", body).replace("\n### ", "\n## ")
            return ["## When and how", *nearer.rstrip().split("\n"), ""]
    raise ValueError(f"docs/algorithms.md says nothing of '{name}'; add a section '## {name}'")


def method_page(name: str, doc: str, settings: Any, prefix: str, said: list[str]) -> str:
    """Describe a method: its module's words, when to use it, its command and its settings."""
    lines = [f"# {name}", "", *prose(doc), "", *said]
    if settings is not None and dataclasses.fields(settings):
        rows = [
            (
                f"`--{prefix}.{field.name.replace('_', '-')}`",
                f"`{field.default}`",
                limits(field),
                field.metadata.get("doc", ""),
            )
            for field in dataclasses.fields(settings)
        ]
        lines += ["## Settings", "", *table(("option", "default", "range", "meaning"), rows)]
    return "\n".join(lines) + "\n"


def limits(field: "dataclasses.Field[Any]") -> str:
    """Return what a setting may be."""
    meta = field.metadata
    if "choices" in meta:
        return ", ".join(map(str, meta["choices"]))
    return f"{meta['low']} to {meta['high']}" if "low" in meta else ""


def command_pages() -> Iterator[tuple[str, str]]:
    """Yield a page for every command: what `--help` prints."""
    shown = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    for name in command_line.COMMANDS:
        done = subprocess.run(
            [sys.executable, "-m", "puffer_arena", name, "--help"],
            env=shown,
            capture_output=True,
            text=True,
            check=True,
        )
        yield name, f"# {name}\n\n```text\n{done.stdout.rstrip()}\n```\n"


# -- reference -------------------------------------------------------------------------------------------


def reference_pages() -> Iterator[tuple[str, str]]:
    """Yield a page for every public module."""
    for name, about in REFERENCE.items():
        text = [f"# {name}", "", about, ""]
        for member, value in public(name):
            kind = "class" if inspect.isclass(value) else "function"
            kind = "exception" if kind == "class" and issubclass(value, BaseException) else kind
            options = "   :members:\n" if kind == "class" else ""
            bases = value.__mro__[1:] if kind == "class" else ()
            if bases and bases[0].__module__.startswith("puffer_arena.batch."):
                options += "   :inherited-members:\n"  # a batch's parts have no pages of their own
            text += [
                f"## {member}",
                "",
                f"```{{eval-rst}}\n.. auto{kind}:: {name}.{member}\n   :no-index:\n{options}```",
                "",
            ]
        yield name, "\n".join(text)


def public(name: str) -> Iterator[tuple[str, Any]]:
    """Yield what a module gives: what it lists, or else the classes and functions that it defines."""
    module = importlib.import_module(name)
    own = [key for key, value in vars(module).items() if getattr(value, "__module__", "") == name and key[0] != "_"]
    for member in getattr(module, "__all__", own):
        value = getattr(module, member)
        if str(getattr(value, "__module__", "")).startswith("puffer_arena"):
            yield member, value


# -- Markdown --------------------------------------------------------------------------------------------


def prose(doc: str) -> list[str]:
    """Return a docstring as Markdown: its parts (`Reward   a word on it`) as paragraphs, indented blocks as code."""
    lines: list[str] = []
    code = part = False
    for line in inspect.cleandoc(doc).splitlines():
        named = re.fullmatch(r"([A-Z]\w*(?: \w+)?) {2,}(\S.*)", line)
        deep = line.startswith("    ")
        if code and line.strip() and not deep:
            lines.append("```")
            code = False
        if named:
            lines += ["", f"**{named[1]}.** {escape(named[2])}"]
            part = True
        elif deep and part:
            lines.append(escape(line.strip()))
        elif deep:
            lines += [] if code else ["```text"]
            lines.append(line[4:])
            code = True
        else:
            part = part and bool(line.strip())
            lines.append(line if code else escape(line))
    return [*lines, *(["```"] if code else [])]


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Return a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines]


def escape(text: str) -> str:
    """Keep what a docstring writes from being read as markup."""
    return re.sub(r"(?<!`)([<>*_\[\]])(?![^`]*`(?:[^`]*`[^`]*`)*[^`]*$)", r"\\\1", text)


if __name__ == "__main__":
    main()

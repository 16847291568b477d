"""`check`: a good game keeps every law, and each law finds the game that breaks it, at its line."""

import json
from pathlib import Path

import pytest

import puffer_arena
from puffer_arena.errors import UnknownName
from puffer_arena.laws.check import NAMES, Report, check
from tests.commands import here  # noqa: F401 a fixture

EXAMPLES = Path(__file__).parent.parent / "examples"
CATCH = (EXAMPLES / "catch.py").read_text("utf-8")


def game(folder: Path, *changes: tuple[str, str], name: str = "game") -> str:
    """Write catch with some of its text changed, and return its path."""
    text = CATCH
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / f"{name}.py"
    path.write_text(text, "utf-8")
    return str(path)


def said(report: Report, law: str) -> str:
    (finding,) = (each for each in report.findings if each.law.name == law)
    assert finding.holds is False, f"{law}: {finding}"
    return finding.said


BROKEN = {  # law: what to change in catch, and words of what is then said
    "compiled": (("    s.fallen += 1\n", "    s.fallen += 1 + 0 // (s.fallen - 4)\n"), "'step'"),
    "numbers": (("obs[0] = s.basket", "obs[0] = (s.basket + 100 * (s.fallen > 8))"), "'observe'"),
    "buffers": (("    obs[2] = s.row", "    if s.fallen < 2:\n        obs[2] = s.row"), "leaves obs[0, 2] as it was"),
    "parameters": (("height: int = param(8, 4", "height: int = param(8, 1"), "with height=1"),
    "bots": (
        (
            "    return STAY if",
            "    rows = (s, s)\n    rows[0].caught += 3 * (s.fallen > 0)\n    return STAY if",
        ),
        "writes State",
    ),
    "strength": (("else LEFT if s.col < s.basket else RIGHT", "else LEFT if s.col > s.basket else RIGHT"), "'follow'"),
    "drawing": (('"rose"', '"pinkish"'), "unknown colour 'pinkish'"),
    "endings": (("s.fallen >= p.fruits", "False"), "no episode of 16 rows has ended after 5,000 steps"),
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory) -> Report:
    """What is said of a game that breaks many laws at once."""
    return check(game(tmp_path_factory.mktemp("broken"), *(change for change, _ in BROKEN.values())))


@pytest.mark.parametrize("law", BROKEN)
def test_a_law_that_is_broken_is_named_with_its_rule(law: str, broken: Report) -> None:
    assert BROKEN[law][1] in said(broken, law)
    assert "game.py, line " in said(broken, law)


def test_laws_that_the_game_keeps_hold_beside_those_that_it_breaks(broken: Report) -> None:
    assert {each.law.name for each in broken.failed} == BROKEN.keys() | {
        "shrinking"
    }  # its numbers are wrong there, too
    assert not broken.ok


def test_a_mask_that_bars_everything_and_a_bot_that_ignores_it_are_found(tmp_path) -> None:
    mask = "\n\n@jit\ndef mask_rule(s: State, p: Params, mask: Array) -> None:\n    mask[:] = {}\n\n\ndef draw("
    for name, allowed, words in (
        ("closed", "s.fallen < 2", "bars every choice"),
        ("deaf", "s.fallen < 2\n    mask[STAY] = True", "which its mask bars"),
    ):
        changes = ("\n\ndef draw(", mask.format(allowed)), ("bots=", "action_mask=mask_rule, bots=")
        assert words in said(check(game(tmp_path, *changes, name=name), laws=["masks"]), "masks")


def test_what_is_done_without_keys_is_an_action(tmp_path) -> None:
    source, idle = (EXAMPLES / "turret.py").read_text(), '    idle={"turn": (0.0,), "fire": HOLD},\n'
    assert idle in source
    (tmp_path / "restless.py").write_text(source.replace(idle, ""))
    report = check(str(tmp_path / "restless.py"), laws=["keys"])
    assert "environment 'restless': idle: is None, which does not lie in Dict" in said(report, "keys")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("return None", "'click' (game.py, line {line}): def click(s: State, p: Params, x: float, y: float) -> int | None:\n    finds nothing"),
        ("s.caught += 1\n    return STAY", "writes State, which it may only read"),
        ("return 3", "click: gives 3 at (0, 0); give 0 to 2, or None"),
    ],
)  # fmt: skip
def test_clicks_are_choices(tmp_path, rule: str, words: str) -> None:
    text = f"\n\ndef click(s: State, p: Params, x: float, y: float) -> int | None:\n    {rule}\n\n\ndef draw("
    report = check(game(tmp_path, ("\n\ndef draw(", text), ("bots=", "click=click, bots=")), laws=["clicks"])
    line = 1 + (tmp_path / "game.py").read_text().partition("def click")[0].count("\n")
    assert words.format(line=line) in said(report, "clicks").replace(str(tmp_path) + "/", "")


def test_a_bot_is_measured_alone_where_what_one_wins_others_lose(tmp_path) -> None:
    shared = (
        "    mean = 0.0\n    for frog in range(p.frogs):\n        mean += rewards[frog] / p.frogs\n"
        "    for frog in range(p.frogs):\n        rewards[frog] -= mean\n    turns = 1"
    )
    source = (EXAMPLES / "pads.py").read_text()
    assert "    turns = 1" in source
    (tmp_path / "rivals.py").write_text(source.replace("    turns = 1", shared))
    report = check(str(tmp_path / "rivals.py"), laws=["strength"])
    assert report.ok, report


def test_what_does_not_load_is_said_once(tmp_path, here) -> None:  # noqa: F811
    game(tmp_path, ("s.row += 1", "s.rwo += 1"))
    code, out, _ = here(tmp_path, "check", "game.py")
    assert code == 1
    lines = out.splitlines()
    assert lines[1].split()[:2] == ["definition", "FAILED"]
    assert "'step'" in out and "did you mean 'row'" in out and out.count("FAILED") == 1
    assert lines[-1] == "0 of 1 laws hold; the others were not tried"


def test_the_command_says_a_line_for_each_law_and_ends_well(tmp_path, here, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setenv("COLUMNS", "120")
    game(tmp_path)
    code, out, _ = here(tmp_path, "check", "game.py", "--law", "keys", "--law", "drawing")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()[1:-1]] == [
        ["definition", "ok"],
        ["keys", "ok"],
        ["drawing", "ok"],
    ]
    code, out, _ = here(tmp_path, "check", "game.py", "--law", "keys", "--param", "width=5", "--json")
    assert code == 0 and [each["holds"] for each in json.loads(out)["laws"]] == [True, True]


def test_python_has_the_same_report_and_unknown_laws_are_refused(tmp_path) -> None:
    report = puffer_arena.check(game(tmp_path), laws=["endings"])
    assert report.ok and "after 70 steps" in str(report)
    with pytest.raises(UnknownName, match="did you mean 'endings'"):
        puffer_arena.check("snake", laws=["ending"])
    assert set(NAMES) >= BROKEN.keys()

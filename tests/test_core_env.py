"""Definitions: what is wrong with an environment is said by name, place and remedy."""

import contextlib
import dataclasses
import gc
import importlib
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest
from numba.core import event
from numba.core.errors import TypingError

import puffer_arena
from puffer_arena import list_envs, load_env, make, registry
from puffer_arena.core.fields import Cells, Row
from puffer_arena.errors import ArenaError, DefinitionError, MissingExtra, ParameterError, UnknownName, require
from puffer_arena.machine.compile import compile_function, fingerprint, jit
from tests import playing
from tests.piles import altered

COUNTDOWN = Path(playing.COUNTDOWN).read_text()


def write(folder: Path, *changes: tuple[str, str], name: str = "broken") -> str:
    source = COUNTDOWN
    for old, new in changes:
        assert old in source
        source = source.replace(old, new, 1)
    (folder / f"{name}_{folder.name}.py").write_text(source)
    return str(folder / f"{name}_{folder.name}.py")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("s.left -= action[0]", "s.lfet -= action[0]", r"'step' .*line \d+.*\n.*no field 'lfet'; did you mean 'left'"),
        ("step_count >= p.limit", "step_count >= p.limt", "'step'.*\n.*no field 'limt'; did you mean 'limit'"),
        ("s.luck[k] = randint", "s.luck[k + 1] = randint", "'reset'.*\n.*IndexError"),
        ("obs[0], obs[1] = s.left", "obs[0], obs[2] = s.left", "'observe'.*\n.*IndexError"),
        ("return 10.0, True, False\n    return float", "return 10.0, True, False\n    return flot", "'step'.*\n.*flot"),
        (
            "obs[0], obs[1] = s.left",
            "obs[0], obs[1] = -100",
            r"'observe' \(.*, line \d+\): def observe.*\n +wrote obs\[0\] = -100.0, which does not lie in \[-10.0, 1000.0\]$",
        ),
        ("return float(s.step_count)", "return float('nan')", r"'step' \(.*\): def step.*\n +gave the reward nan"),
        ('i32("width")', 'i32("widht")', r"environment '.*': State\.luck: dimension 'widht'.*did you mean 'width'"),
        (
            "param(4, 2, 6)",
            "param(0, 0, 6)",
            r"State\.luck: dimension 'width' is 0; .* at least 1; make the batch with",
        ),
        ('i32("width")', "i32(0)", r"State\.luck: a dimension is 0; it must be a whole number of at least 1$"),
        ("Box(-10, 1000, (2,))", "Box(-10, 1000, ('wdth',))", "': observation: dimension 'wdth'.*did you mean 'width'"),
        ("used: int = i32()", "level: int = i32()\n    used: int = i32()", "State.level: the name is kept"),
        ("used: int = i32()", "view: int = i32()\n    used: int = i32()", "State.view: compiled records have a method"),
        (
            "limit: int = param(8, 1, 100)",
            "limit: int = param(8, 1, 100)\n    view: int = 3",
            "Params.view: compiled rec",
        ),
        ("@jit\ndef step", "def step", "step: is not marked for compiling; put @jit above 'def step'"),
        (
            "def step(s: State, p: Params, action",
            "def step(p: Params, action",
            r"step: takes \(p, action\); it must take",
        ),
        ('counters=("used",)', 'counters=("episodes",)', "'episodes' has a meaning of its own"),
        ('counters=("used",)', 'counters=("usde",)', "'usde' is not a single number of State; did you mean 'used'"),
        (
            'counters=("used",)',
            'counters=("used")',
            r"counters: is one string; put a comma behind it: counters=\('used',\)",
        ),
        (
            "s.left, s.used = p.start + p.shift, 0",
            "s.left += p.start",
            r"'reset' .*\n +begins .* another State\.left, State\.used than",
        ),
        (
            "@jit\ndef reset(s: State, p: Params) -> None:\n    s.left, s.used = p.start + p.shift, 0\n",
            "import numpy\n\n@jit\ndef reset(s: State, p: Params) -> None:\n"
            "    s.left, s.used = getattr(numpy, 'random').randint(3, 90), 0\n",
            r"'reset' .*\n +begins .* another State\.left.* random numbers from randint, uniform or normal",
        ),
        (
            "obs[0], obs[1] = s.left, s.luck[0]",
            "obs[0] = s.left",
            r"'observe' .*\n +does not write obs\[1\]; every element",
        ),
        (
            "obs[0], obs[1] = s.left, s.luck[0]",
            "obs = [s.left, s.luck[0]]",
            r"'observe' .*\n +writes nothing into obs; fill",
        ),
        (
            "obs[0], obs[1] = s.left",
            "s.used += 1\n    obs[0], obs[1] = s.left",
            r"'observe' .*\n +writes State\.used, which it",
        ),
        (
            "action[0], action[1] = 2, 1",
            "action[0], action[1], s.left = 2, 1, 7",
            r"'hasty' .*\n +writes State\.left, which",
        ),
        (
            "s.left -= action[0]",
            "import numpy\n    s.luck[0] = getattr(numpy, 'random').randint(900)",
            "plays differently the second",
        ),
        (
            "s.left -= action[0]",
            "q = p if s.left else p\n    q.limit = 4\n    s.left -= action[0]",
            r"writes p\.limit, which it may only read",
        ),
        (
            "    reset=reset,\n    step=step,\n    observe=observe,",
            "    reset=reset, step=step, observe=None,",
            "observe: is missing; give observe=..., a function marked @jit",
        ),
        (
            "    bots={",
            "    keys={'up': 1.0}, bots={",
            r"keys: 'up' is 1.0; .* \(component, value\), components 0 to 1",
        ),
        ("    bots={", "    keys={'up': (2, 1)}, bots={", r"keys: 'up' is \(2, 1\); .* components 0 to 1"),
        ("    used: int = i32()", "    used: int = 0", "State.used is 0; declare its storage: i8, i32, i64 or f64"),
        ("    used: int = i32()", "    used: int", "State.used has no value; declare its storage"),
        (
            "limit: int = param(8, 1, 100)",
            "limit: float = param(8, 1, 100)",
            "declared as float, but its default 8 is of",
        ),
        (
            "    bots={",
            "    keys={'a': {'up': (0, 1)}}, bots={",
            r"keys: are those of \['a'\]; give keys for every role",
        ),
        ("param(5, 1, 100)", "param(500, 1, 100)", "environment 'broken.*default breaks its own range"),
        (
            "@dataclass(frozen=True)\n",
            "@dataclass\n",
            r"environment 'broken.*must be a dataclass: put @dataclass\(frozen=True\)",
        ),
        ("limit: int = param(8, 1, 100)", "limit: str = 'x'", "Params.limit: a parameter is an int, float or bool"),
        ("action_mask=mask,", "action_mask=mask, observe_twice=1,", "observe_twice"),
        (
            "action=MultiDiscrete((3, 2))",
            "action=Box(0, 1, (2,))",
            "only Discrete and MultiDiscrete actions have masks",
        ),
        ("ENV = Env(", "GAME = Env(", r"must end with ENV = Env\(...\)"),
    ],
)
def test_a_wrong_definition_names_its_place_and_remedy(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path, (old, new))
    with pytest.raises((DefinitionError, TypeError), match=message):
        make(path)


def test_an_unmarked_function_in_the_rules_is_named(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        ("@jit\ndef step", "def bonus():\n    return 1.0\n\n\n@jit\ndef step"),
        ("return 10.0", "return bonus()"),
    )
    with pytest.raises(
        DefinitionError, match=r"'step' calls 'bonus', which is not marked .*put @jit above 'def bonus'"
    ):
        make(path).step(np.zeros((1, 2), np.int64))


def test_what_only_the_compiler_refuses_is_said_without_its_traceback(tmp_path: Path) -> None:
    path = write(tmp_path, ("s.left -= action[0]", "s.left -= int(str(action[0]) + str())"))
    with pytest.raises(DefinitionError) as caught:
        make(path).step(np.zeros((1, 2), np.int64))
    message = str(caught.value)
    assert "broken" in message and path in message and "Traceback" not in message and len(message.splitlines()) < 8


SELDOM = "if s.step_count > 50:\n        "


@pytest.mark.parametrize(
    ("old", "new", "rule", "reason"),
    [
        ("s.left -= action[0]", SELDOM + "s.lfet = 1", "step", "no field 'lfet'; did you mean 'left'"),
        ("s.left -= action[0]", SELDOM + "s.left = p.limt", "step", "no field 'limt'; did you mean 'limit'"),
        ("s.left -= action[0]", SELDOM + "s.left = banana", "step", "nothing defines the name 'banana'"),
        ("s.left -= action[0]", SELDOM + "s.left = ranndint(s, 2)", "step", "no name 'ranndint'; did you mean 'randint'"),
        ("s.left -= action[0]", SELDOM + "r = s\n        r.lfet = 1", "step", "no field 'lfet'"),
        ("s.left -= action[0]", SELDOM + "bonus(p, s)", "bonus", "no field 'lfet'"),
        ("s.left -= action[0]", SELDOM + "s.left = actions[0]", "step", "no name 'actions'; did you mean 'action'"),
        ("s.left -= action[0]", SELDOM + 's.left = len(f"{s.left:3d}")', "step", "format spec in f-strings"),
        ("s.left -= action[0]", SELDOM + 's.left = "many"', "step", "Cannot cast"),
        ("s.left -= action[0]", SELDOM + "s.left = np.linalg.norm(np.zeros(2))", "step", "fails here with ImportError"),
        ("s.left -= action[0]", SELDOM + "return 1.0, True", "step", "returns 2 values; 'step' must return .reward, term"),
        ("s.left -= action[0]", SELDOM + "return", "step", "returns nothing; 'step' must return .reward, terminated"),
        ("return float(s.step_count), False, s.step_count >= p.limit", "pass", "step", "can end without a return; 'step'"),
        ("return float(s.step_count), False,", "return 0.0,", "step", "returns 2 values"),
        ("return float(s.step_count), False, s.step_count >= p.limit", "two = 0.0, False\n    return two", "step",
         "must return .reward, terminated, truncated.; what it returned gives ValueError"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_before_play_reaches_it(tmp_path: Path, old: str, new: str, rule: str, reason: str) -> None:
    helper = "import numpy as np\n\n\n@jit\ndef bonus(p, s) -> None:\n    s.lfet = 0\n\n\n@dataclass"
    path = write(tmp_path, (old, new), ("@dataclass", helper))
    name = Path(path).stem
    with pytest.raises(DefinitionError, match=rf"environment '{name}': '{rule}' \({path}, line \d+\): .*\n.*{reason}"):
        make(path).step(np.zeros((1, 2), np.int64))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("return s.step_count >= p.limit", "pass", "can end without a return; 'step' must return whether the episode"),
        ("return s.step_count >= p.limit", "return 0.0, True, False", "returns 3 values; 'step' must return whether"),
        ("obs.last[0] = s.last[agent]", "obs.last[0] = 9", "wrote obs.last = 9, which does not lie in Discrete"),
        (
            "obs.pair.part_0[0] = s.step_count",
            "obs.pair.part_0[0] = -9",
            r"wrote obs.pair.part_0\[0\] = -9, which",
        ),
        ("else actions[agent]", "else np.inf", "gave the reward inf to blue_0; rewards must be finite"),
        ("obs.pair.part_1[0] = agent", "obs.pair.part_2[0] = agent", "no field 'part_2'; did you mean 'part_1'"),
        ("    return 1\n", "    pass\n", "can end without a return; 'careful' must return the action"),
    ],
)
def test_a_mistake_among_several_agents_is_named(tmp_path: Path, old: str, new: str, reason: str) -> None:
    (tmp_path / "game.py").write_text(Path(playing.DUEL).read_text().replace(old, new))
    with pytest.raises(DefinitionError, match=rf"environment 'game': '.*' \(.*game.py, line \d+\): .*\n.*{reason}"):
        make(str(tmp_path / "game.py"))


@pytest.mark.parametrize(
    "line",
    ["s.boxes[0].colour = 1.0", "box = s.boxes[p.boxes - 1]; box.colour = 1.0", "for b in s.boxes: b.colour = 1.0"],
)
def test_a_field_that_a_body_lacks_is_named_however_the_rule_comes_to_it(tmp_path: Path, line: str) -> None:
    rule = "def act(s, p, action):\n"
    path = altered(tmp_path, (rule, f"{rule}    if s.step_count > 50:\n        {line}\n"))
    with pytest.raises(DefinitionError, match=r"'act' .*, line 96\): .*\n.*no field 'colour'; valid are: .*torque_x"):
        make(path)


def test_a_record_that_a_function_of_ours_cannot_take_is_named_at_the_call(tmp_path: Path) -> None:
    path = altered(
        tmp_path,
        ("    s.ball.fx =", "    push_at(s.ball, 1.0, 0.0, 0.0, 0.0)\n    s.ball.fx ="),
        (" jit,", " jit, push_at,"),
    )
    with pytest.raises(
        DefinitionError, match=r"'act' .*: push_at\(.*\n.*what 'push_at' is given has no field 'torque'"
    ):
        make(path)


def test_an_edited_file_is_read_as_it_is_now(tmp_path: Path) -> None:
    path = write(tmp_path, ("s.left -= action[0]", SELDOM + "s.lfet = 1"))
    with pytest.raises(DefinitionError, match="no field 'lfet'"):
        make(path)
    write(tmp_path, ("s.left -= action[0]", "s.left -= action[0]\n    " + SELDOM + "s.luckk = 1"))
    with pytest.raises(DefinitionError, match=r"line \d+\): s.luckk = 1\n.*no field 'luckk'"):
        make(path)
    write(tmp_path)
    assert make(path, compiled=False).obs[0, 0] == 5


def test_what_the_reader_cannot_follow_is_left_to_the_compiler(tmp_path: Path) -> None:
    helper = "@jit\ndef least(s) -> int:\n    while True:\n        if s.luck.shape[0] > 0:\n            return 1\n\n\n@jit\ndef step"
    line = "kept, k = s, 0\n    for k in [k + j for j in range(1)]:\n        kept.left -= action[0] * least(kept)"
    path = write(tmp_path, ("@jit\ndef step", helper), ("s.left -= action[0]", line))
    assert make(path).step(np.array([[2, 0]])).obs[0, 0] == 3


def test_an_unknown_environment_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        UnknownName, match=r"unknown environment 'snaek'; did you mean 'snake'\? \(python -m puffer_arena list\)"
    ):
        make("snaek")
    with pytest.raises(UnknownName, match=r"not by Env; for my_game.ENV give 'my_game' or"):
        make(load_env("snake"))
    with pytest.raises(UnknownName, match="no such file"):
        make("./nowhere/game.py")
    with pytest.raises(UnknownName, match="no module 'nowhere'"):
        make("nowhere.game")


def test_a_key_that_is_no_action_is_named() -> None:
    with pytest.raises(DefinitionError, match="environment 'snake': keys: 'up' is 4; allowed: 0 to"):
        dataclasses.replace(load_env("snake"), keys={"up": 4})


def test_constants_and_the_header_need_no_storage(tmp_path: Path) -> None:
    path = write(tmp_path, ("    used: int = i32()", "    SIZE = 3\n    episode_return: float\n    used: int = i32()"))
    assert make(path, compiled=False).obs[0, 0] == 5


def test_environments_are_found_by_name_module_and_file(tmp_path: Path) -> None:
    assert "snake" in list_envs()
    assert load_env("snake") is load_env("puffer_arena.envs.snake")
    path = write(tmp_path, name="mine")
    assert load_env(path) is load_env(path)
    assert load_env(path).name == Path(path).stem


def test_a_file_takes_no_module_s_place(tmp_path: Path) -> None:
    (tmp_path / "statistics.py").write_text(COUNTDOWN)
    assert load_env(str(tmp_path / "statistics.py")).name == "statistics"
    assert not hasattr(importlib.import_module("statistics"), "ENV")


def test_two_files_of_one_name_stay_apart(tmp_path: Path) -> None:
    for folder, start in (("a", 3), ("b", 4)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same_name.py").write_text(COUNTDOWN.replace("param(5, ", f"param({start}, "))
    assert [make(str(tmp_path / f / "same_name.py"), compiled=False).obs[0, 0] for f in "ab"] == [3, 4]


def test_a_changed_rule_is_not_served_from_the_disk_cache(tmp_path: Path) -> None:
    script = "import sys, puffer_arena; b = puffer_arena.make(sys.argv[1]); print(b.step([[2, 0]]).rewards[0])"
    file = tmp_path / "game.py"
    outputs = []
    for reward in ("10.0", "20.0"):  # the same size, so that only the content tells
        file.write_text(COUNTDOWN.replace("param(5,", "param(2,").replace("return 10.0", f"return {reward}"))
        run = subprocess.run([sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=True)
        outputs.append(run.stdout.strip())
    assert outputs == ["10.0", "20.0"]


BROKEN = {
    "a parenthesis": (b"x = 1\ndef f(:\n    pass\n", "line 2): invalid syntax\n    def f(:"),
    "an indent": (b"if 1:\nx = 2\n", "line 2): expected an indented block"),
    "a byte that is not UTF-8": (b'x = 1\ny = "\xff"\n', "'utf-8' codec can't decode byte 0xff"),
    "a NUL": (b"x = 1\0\n", "null bytes"),
    "an unknown encoding": (b"# coding: nonsense\n", "unknown encoding: nonsense"),
    "parentheses without end": (b"x = " + b"(" * 5000, "too many nested parentheses"),
    "too deep": (b"x = " + b"-" * 100_000 + b"1\n", "nested too deeply"),
}


@pytest.mark.parametrize("source, said", BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_not_python_is_one_error_with_its_line(source: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "game.py"
    file.write_bytes(source)
    with pytest.raises(DefinitionError) as caught:
        load_env(str(file))
    assert f"environment '{file}' is not Python ({file}" in str(caught.value) and said in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2 and len(str(caught.value)) < 400 + 2 * len(str(file))


def test_a_module_that_a_game_imports_and_that_is_not_python_is_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "broken_helper.py").write_text("x = 1\nx = = 2\n")
    (tmp_path / "importing_game.py").write_text("import broken_helper\n")
    for env_id in (str(tmp_path / "importing_game.py"), "broken_helper.inner"):
        with pytest.raises(DefinitionError, match=r"broken_helper\.py, line 2\): invalid syntax"):
            load_env(env_id)


@pytest.mark.parametrize(
    "name", ["g\udcff.py", "\ud800.py", "nul\0.py", "long" * 1000 + ".py", "folder.py", "\udcff/game.py"]
)
def test_a_file_whose_name_nobody_can_use_is_one_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    with contextlib.suppress(OSError, ValueError):  # of names that cannot be, here or anywhere
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(COUNTDOWN)
    with pytest.raises(UnknownName) as caught:
        load_env(str(tmp_path / name))
    str(caught.value).encode(errors="backslashreplace")
    assert any(said in str(caught.value) for said in ("is not UTF-8; rename", "cannot be read", "no such file"))


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "edited.py"
    starts = []
    for start in (3, 4):  # the same size and second, so that only the content tells
        file.write_text(COUNTDOWN.replace("param(5, ", f"param({start}, "))
        starts.append(make(str(file), compiled=False).obs[0, 0])
    assert starts == [3, 4]
    known = load_env(str(file))
    file.write_text("ENV = nothing\n")
    with pytest.raises(NameError):
        load_env(str(file))
    file.write_text(COUNTDOWN.replace("param(5, ", "param(4, "))
    assert load_env(str(file)) is known


def test_a_game_is_read_again_when_its_data_were_edited(tmp_path: Path) -> None:
    file, data = tmp_path / "with_data.py", tmp_path / "levels" / "first.toml"
    data.parent.mkdir()
    read = (
        "START = tomllib.loads((Path(__file__).parent / 'levels' / 'first.toml').read_text())['start']\n\n\n@dataclass"
    )
    imports = "import tomllib\nfrom pathlib import Path\n\nfrom dataclasses import dataclass"
    source = COUNTDOWN.replace("@dataclass", read, 1).replace("param(5, ", "param(START, ")
    file.write_text(source.replace("from dataclasses import dataclass", imports, 1))
    seen, digests = [], set()
    for start in (3, 4):
        data.write_text(f"start = {start}\n")
        seen.append(make(str(file), compiled=False).obs[0, 0])
        digests.add(registry.source_digest(load_env(str(file))))
    assert seen == [3, 4] and len(digests) == 2
    known = load_env(str(file))
    (tmp_path / "other.toml").write_text("")  # none of its own
    assert load_env(str(file)) is known
    data.unlink()
    with pytest.raises(FileNotFoundError):
        load_env(str(file))


def test_fingerprints_see_constants_and_functions_that_are_reached() -> None:
    def variant(constant: int, inner_value: int):
        namespace: dict = {"jit": jit, "CONSTANT": constant}
        exec(
            f"@jit\ndef inner():\n    return {inner_value}\n@jit\ndef outer():\n    return inner() + CONSTANT",
            namespace,
        )
        return namespace["outer"]

    prints = {fingerprint(variant(c, v)) for c in (1, 2) for v in (1, 2)}
    assert len(prints) == 4 and fingerprint(variant(1, 1)) in prints
    assert compile_function(variant(5, 6), "test")() == 11


@pytest.mark.parametrize(("line", "matters"), [("x += 1", False), ("raise ValueError(x)", True)])
def test_fingerprints_see_where_a_function_lies_if_its_machine_code_tells(line: str, matters: bool) -> None:
    def variant(file: str, above: str):
        namespace: dict = {}
        exec(compile(f"{above}def rule(x):\n    {line}\n    return x", file, "exec"), namespace)
        return fingerprint(namespace["rule"])

    assert len({variant("a.py", ""), variant("b.py", ""), variant("a.py", "\n")}) == (3 if matters else 1)


@pytest.mark.parametrize("collecting", [True, False])
def test_the_garbage_collector_rests_while_a_function_compiles(collecting: bool) -> None:
    during: list[bool] = []

    class Witness(event.Listener):
        def on_start(self, _: object) -> None:
            during.append(gc.isenabled())

        on_end = on_start

    (gc.enable if collecting else gc.disable)()
    try:
        with event.install_listener("numba:run_pass", Witness()):
            compile_function(jit(lambda x: x + 1), "test")(1)
            with pytest.raises(TypingError):
                compile_function(jit(lambda x: x + undefined), "test")(1)  # noqa: F821
        assert during
        assert not any(during)
        assert gc.isenabled() == collecting
    finally:
        gc.enable()


def test_rows_read_as_python_numbers() -> None:
    record = np.zeros(1, [("count", np.int8), ("cells", np.int8, (2, 2)), ("inner", [("x", np.float64)])])
    row = Row(record[0])
    row.count = 100
    row.cells[1, 1] = 3
    row.inner.x = 0.5
    assert row.count + row.count == 200  # int8 would wrap
    assert type(row.cells[1, 1]) is int and type(row.inner.x) is float
    assert isinstance(row.cells[1], Cells) and len(row.cells) == 2 and row.cells.shape == (2, 2)
    assert np.asarray(row.cells).sum() == 3 and "count" in dir(row)
    with pytest.raises(AttributeError, match="did you mean 'count'"):
        row.cuont = 1


def test_a_field_that_a_row_lacks_is_hinted_at_once() -> None:
    row = Row(np.zeros(1, [("count", np.int8)])[0])
    with pytest.raises(AttributeError) as caught:
        row.cuont  # noqa: B018
    assert "".join(traceback.format_exception(caught.value)).lower().count("did you mean") == 1


def test_the_whole_public_surface_is_listed_and_documented() -> None:
    for name in puffer_arena.__all__:
        assert getattr(puffer_arena, name).__doc__, name
    assert set(puffer_arena.__all__) <= set(dir(puffer_arena))
    with pytest.raises(AttributeError):
        puffer_arena.nothing  # noqa: B018


def test_every_error_has_the_one_root() -> None:
    from puffer_arena import errors

    raised = [
        value for value in vars(errors).values() if isinstance(value, type) and value.__module__ == errors.__name__
    ]
    assert all(issubclass(error, ArenaError) for error in raised)
    assert all(error.__name__ in (errors.__doc__ or "") for error in raised)


def test_a_missing_extra_names_its_install_command() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'puffer-arena\[window\]'"):
        require("not_a_module_at_all", "window")
    assert require("json", "window").dumps(1) == "1"


def test_importing_the_package_loads_nothing_heavy() -> None:
    script = (
        "import sys, puffer_arena; puffer_arena.list_envs(); puffer_arena.load_env('snake');"
        "print([m for m in ('numba', 'torch', 'pygame', 'gymnasium', 'pettingzoo', 'zmq', 'tyro') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_params_that_break_a_rule_of_their_own_are_parameter_errors(tmp_path: Path) -> None:
    check = "width: int = param(4, 2, 6)\n\n    def __post_init__(self) -> None:\n        if self.limit < self.start:\n            raise ValueError('limit must reach start')"
    path = write(tmp_path, ("width: int = param(4, 2, 6)", check))
    assert make(path, compiled=False).obs[0, 0] == 5
    with pytest.raises(ParameterError, match="limit must reach start"):
        make(path, start=50)


def test_parameters_that_size_memory_through_a_property_cannot_be_raised(tmp_path: Path) -> None:
    derived = "width: int = param(4, 2, 6)\n\n    @property\n    def twice(self) -> int:\n        return 2 * self.width"
    path = write(tmp_path, ("width: int = param(4, 2, 6)", derived), ('i32("width")', 'i32("twice")'))
    assert load_env(path).dimensions == {"width"}
    batch = make(path, num_envs=2, compiled=False)
    batch.params.width[0] = 3
    with pytest.raises(
        ParameterError, match=r"width.*allowed: int in \[2, 4\]: the batch was made with 4; make it with"
    ):
        batch.params.width[1] = 5
    with pytest.raises(ParameterError, match=r"allowed: int in \[2, 4\]$"):
        batch.params.width[1] = 7  # beyond what any batch may have

"""Mistakes in rules: what is wrong with an environment is said by name, place and remedy."""

from pathlib import Path

import numpy as np
import pytest

from puffer_arena import make
from puffer_arena.errors import DefinitionError
from tests import playing
from tests.countdown import write
from tests.piles import altered


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
            "    luck = numpy.random\n    s.left, s.used = luck.randint(3, 900), 0\n",
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
            "import numpy\n    luck = numpy.random\n    s.luck[0] = luck.randint(900)",
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

"""Settings: where they come from, and what is wrong with them."""

from pathlib import Path

import pytest

from puffer_arena.errors import ArenaError, ParameterError, UnknownName
from puffer_arena.registry import list_envs
from puffer_arena.trainers.algorithms.on_policy import annealed
from puffer_arena.trainers.config import Config, from_dict, load_config, to_dict, tuned_config
from puffer_arena.trainers.optimize.schedules import decay
from puffer_arena.trainers.precision import resolve
from tests.playing import GAMES


def test_later_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("num_envs = 12\n[ppo]\ngamma = 0.5\nclip = 0.3\n")
    config = load_config("snake", file, {"ppo.gamma": 0.25})
    assert (config.num_envs, config.ppo.clip, config.ppo.gamma) == (12, 0.3, 0.25)
    assert config.env == "snake"


@pytest.mark.parametrize(("game", "rows"), [("countdown", 4096), ("discs", 512), ("pile", 128)])
def test_an_environment_without_a_config_has_as_many_rows_as_suit_its_engine(game: str, rows: int) -> None:
    assert load_config(str(GAMES / f"{game}.py")).num_envs == rows


def test_text_from_a_command_line_is_read_as_toml() -> None:
    config = load_config("snake", overrides={"network.hidden": "[32, 16]", "ppo.epochs": "3", "params.rows": "7"})
    assert config.network.hidden == (32, 16)
    assert config.ppo.epochs == 3
    assert config.params["rows"] == 7


@pytest.mark.parametrize(
    ("name", "value", "kind", "said"),
    [
        ("ppo.gama", 0.9, UnknownName, "did you mean 'ppo.gamma'"),
        ("learning_rate", 0.1, UnknownName, "optimizer.learning_rate"),
        ("ppo.advantage", "gea", UnknownName, "did you mean 'gae'"),
        ("ppo.gamma", 1.5, ParameterError, "0.0 to 1.0"),
        ("ppo.gamma", "fast", ParameterError, "ppo.gamma"),
        ("ppo.gamma", float("nan"), ParameterError, "ppo.gamma"),
        ("ppo.epochs", 1.5, ParameterError, "int"),
        ("ppo.epochs", True, ParameterError, "int"),
        ("network.hidden", (), ParameterError, "at least one"),
        ("ppo", 3, ParameterError, "ppo"),
        ("params.rosw", 3, UnknownName, "did you mean 'rows'"),
        ("params.rows", 1, ParameterError, "[4, 64]"),
    ],
)
def test_wrong_settings_are_named(name: str, value: object, kind: type[ArenaError], said: str) -> None:
    with pytest.raises(kind) as error:
        load_config("snake", overrides={name: value})
    assert said in str(error.value)


def test_config_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("num_envs = = 3")
    for path in (broken, tmp_path / "missing.toml"):
        with pytest.raises(ParameterError, match=path.name):
            load_config("snake", path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[ppoo]\ngamma = 0.9", "unknown setting 'ppoo'; did you mean 'ppo'"),
        ("[ppo]\ngama = 0.9", "unknown setting 'ppo.gama'"),
        ("[params]\nstrat = 3", "unknown parameter 'strat'; did you mean 'start'"),
        ("env = 'snake'", "'env' = 'snake', but"),
    ],
)
def test_what_a_file_says_and_nobody_knows_is_refused(text: str, said: str, tmp_path: Path) -> None:
    game, own = tmp_path / "countdown.py", tmp_path / "own.toml"
    game.write_text((GAMES / "countdown.py").read_text("utf-8"), "utf-8")
    own.write_text(text)
    with pytest.raises(ArenaError, match=said):
        load_config(str(game), own)
    own.rename(tmp_path / "countdown.toml")  # the tuned one, beside the game
    with pytest.raises(ArenaError, match=said):
        load_config(str(game))


def test_a_config_survives_its_dictionary() -> None:
    config = load_config("snake", overrides={"network.hidden": (64, 32), "params.rows": 9})
    assert from_dict(to_dict(config)) == config


def test_auto_settings_are_resolved() -> None:
    config = resolve(Config(env="snake", device="auto"))
    assert config.threads >= 1
    assert "auto" not in (config.device, config.precision, config.compile)
    assert resolve(config) == config


@pytest.mark.parametrize("env_id", list_envs())
def test_every_environment_has_a_tuned_config(env_id: str) -> None:
    assert tuned_config(env_id)
    load_config(env_id)


def test_frames_are_learned_with_the_games_settings_and_pictures_with_the_defaults() -> None:
    assert tuned_config("snake:frames=4") == tuned_config("snake") != ""
    assert tuned_config("snake:pixels=32:frames=4") == ""
    assert load_config("snake:frames=4").optimizer == load_config("snake").optimizer


def test_schedules_go_from_one_to_the_final_fraction() -> None:
    assert decay("constant", 0.7, 0.1) == 1.0
    for schedule in ("linear", "cosine"):
        assert decay(schedule, 0.0, 0.1) == pytest.approx(1.0)
        assert decay(schedule, 1.0, 0.1) == pytest.approx(0.1)
        assert decay(schedule, 0.5, 0.0) == pytest.approx(0.5)
        assert decay(schedule, 2.0, 0.1) == pytest.approx(0.1)


def test_settings_move_in_a_straight_line_when_asked() -> None:
    fixed = load_config("snake", overrides={"ppo.entropy_coef": 0.02}).method
    assert annealed(fixed, 0.5).entropy_coef == 0.02
    assert annealed(fixed, 0.5).priority_beta == pytest.approx((fixed.priority_beta + 1.0) / 2)  # to 1 by itself
    moving = load_config("snake", overrides={"ppo.entropy_coef": 0.02, "ppo.entropy_coef_final": 0.0}).method
    assert annealed(moving, 0.5).entropy_coef == pytest.approx(0.01)
    assert annealed(moving, 0.5).clip == moving.clip


def test_another_curriculum_takes_over_what_a_tuned_one_says_for_itself_alone() -> None:
    tuned = load_config("rooms").curriculum
    assert tuned["method"] == "lessons" and tuned["lessons"]
    asked = {"curriculum.method": "uniform", "curriculum.ranges": {"things": "1:2"}}
    assert load_config("rooms", overrides=asked).curriculum == {"method": "uniform", "ranges": {"things": "1:2"}}
    assert load_config("rooms", overrides={"curriculum.method": "lessons"}).curriculum == tuned

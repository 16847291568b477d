"""`export` as people run it."""

from pathlib import Path

import numpy as np
import pytest

from puffer_arena.__main__ import main
from puffer_arena.bots.bot import Bot
from puffer_arena.bots.difficulty import load_bot
from puffer_arena.trainers.export.bot import with_measured
from puffer_arena.trainers.runs.find import find_earlier
from tests.trainers_support import small_trainer

SQUARED = Path(__file__).parent.parent / "assets" / "bots" / "squared.bot"


@pytest.fixture
def checkpoint(tmp_path):
    from puffer_arena.trainers.runs.checkpoint import save_checkpoint

    trainer = small_trainer("memory", network__memory="gru", params__delay=3)
    trainer.update()
    save_checkpoint(tmp_path / "a.safetensors", trainer)
    trainer.close()
    return tmp_path / "a.safetensors"


def test_a_checkpoint_becomes_a_bot_with_all_that_it_needs(checkpoint, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(checkpoint), "--half", "--standalone", "--onnx", "--episodes", "8"]) == 0
    assert {"memory.bot", "memory_bot.py", "memory.onnx"} <= {path.name for path in tmp_path.iterdir()}
    said = capsys.readouterr().out
    assert "wrote memory.bot" in said and "it plays as it was trained" in said and "8 held-out episodes" in said
    bot = Bot.load("memory.bot")
    assert bot.about["env"]["id"] == "memory" and bot.about["params"] == {"delay": 3}
    assert bot.about["strength"]["return"]["low"] <= bot.about["strength"]["return"]["mean"]
    beside, rating = bot.about["strength"]["beside"], bot.about["strength"]["rating"]
    assert set(beside) == {"random", "scripted"} and -800 <= rating <= 0  # the scripted bot remembers everything
    assert bot.about["strength"]["rated_beside"] == "bot:recall" and "beside bot:recall" in said
    training = bot.about["training"]
    assert training["steps"] > 0 and training["algorithm"] == "ppo" and "--param delay=3" in training["command"]
    assert "--network.hidden 16 16" in training["command"] and bot.check() <= 1e-5
    assert len(bot.model.vectors["outputs"]) == 64 and np.ptp(bot.model.vectors["state.actor.h"]) > 0
    assert main(["eval", "memory", "memory.bot", "--episodes", "8"]) == 0


def test_levels_are_measured_and_play_what_the_run_kept(checkpoint, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    kept = Path("run/checkpoints")
    kept.mkdir(parents=True)
    for steps in (20, 95, 100):
        (kept / f"{steps:015d}.safetensors").write_bytes(checkpoint.read_bytes())
    source = kept / f"{100:015d}.safetensors"
    assert [int(path.stem) for path in find_earlier(source)] == [20] and not find_earlier(checkpoint)
    assert [int(path.stem) for path in find_earlier(source, (0.3, 0.9))] == [20, 95]
    assert main(["export", str(source), "--episodes", "0", "--levels", "2", "-o", "a.bot"]) == 0
    assert "levels 0 to 10 are rated" in capsys.readouterr().out
    bot = load_bot("a.bot", difficulty=0)
    assert len(bot.about["earlier"]) == len(bot.model.earlier) == 1
    ratings = [level.rating for level in bot.levels]
    assert ratings == sorted(ratings) and ratings[10] == 0.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone.safetensors"], "'gone.safetensors' is no file or run's folder; a run is named run:NAME"),
        (["run:gone"], "unknown run 'gone'"),
        (["a.safetensors", "--choose"], "--choose is about the graph that --onnx writes"),
        (["a.safetensors", "--levels", "1"], "--levels is 0 or at least 2 episodes"),
        (["a.safetensors", "--earlier", "a.safetensors"], "--earlier is for levels that are measured; give --levels"),
        (["a.safetensors", "--episodes", "1"], "--episodes is 0 or at least 2"),
        (["a.safetensors", "-o", "no/where/a.bot", "--episodes", "0"], "cannot be written"),
    ],
)
def test_what_cannot_be_exported_is_one_line(checkpoint, tmp_path, monkeypatch, capsys, arguments, said) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_a_bot_is_shared_in_a_folder_and_fetched(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    own = Path("mine.bot")
    own.write_bytes(SQUARED.read_bytes())
    assert main(["hub", "push", "mine.bot", "./shared"]) == 0
    card = Path("shared/README.md").read_text("utf-8")
    assert "# A bot for squared" in card and "| random |" in card and "tools/train_bots.py squared" in card
    assert Path("shared/picture.png").read_bytes().startswith(b"\x89PNG")
    assert main(["hub", "pull", "./shared", "-o", "theirs.bot"]) == 0
    assert Path("theirs.bot").read_bytes() == own.read_bytes()
    assert "it plays as it was trained" in capsys.readouterr().out


def test_levels_that_nobody_measured_are_shared_without_ratings(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.bot").write_bytes(with_measured(SQUARED.read_bytes(), {"levels": [{"delay": 2}] * 11, "strength": {}}))
    assert main(["hub", "push", "mine.bot", "./shared"]) == 0
    card = Path("shared/README.md").read_text("utf-8")
    assert "rated" not in card and "## Training" in card


def test_what_cannot_be_shared_or_fetched_is_one_line(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    data = bytearray(SQUARED.read_bytes())
    Path("good.bot").write_bytes(data)
    data[-9] ^= 16
    Path("shared").mkdir()
    Path("shared/bad.bot").write_bytes(data)
    for arguments, said in [
        (["push", "shared/bad.bot", "./other"], "its checksum does not fit"),
        (["pull", "./shared"], "its checksum does not fit"),
        (["pull", "./gone"], "./gone holds no bot"),
        (["pull", "what is this"], "neither OWNER/NAME of a repository nor a folder"),
        (["push", "arena:snake"], "write: hub push BOT REPO, a bot's file or arena:NAME"),
        (["push", "arena:snake@7", "./other"], "a bot's file holds all levels, not one; write arena:snake"),
        (["push", "arena:snaek", "./other"], "no trained bot 'snaek' comes with puffer_arena; did you mean 'snake'"),
        (
            ["push", "run:newest", "./other"],
            "no bot's file yet; make one with: python -m puffer_arena export run:newest",
        ),
        (["push", "shared", "./other"], "no bot's file yet; make one with: python -m puffer_arena export shared"),
        (["push", "gone.bot", "./other"], "'gone.bot' is no bot's file; give the path of one, or arena:NAME"),
        (["pull", "nobody/nothing"], "nobody/nothing on the Hub: "),
    ]:
        assert main(["hub", *arguments]) == 2
        err = capsys.readouterr().err
        assert said in err and err.count("\n") == 1
    assert not Path("other").exists() and not Path("bad.bot").exists()

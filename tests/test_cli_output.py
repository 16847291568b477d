"""What commands show: displays that break end no run, and all of it can be read and pasted."""

import io
import os
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from puffer_arena.__main__ import main
from puffer_arena.cli import output
from puffer_arena.cli.dashboard import Lasting, PlainLines, Progress, render
from puffer_arena.cli.output import Stream, Waiting, command_line, fill, printable, reflow, standard_streams
from puffer_arena.errors import suggest
from tests.commands import ROOT, SMALL, UPDATE, start

pytestmark = pytest.mark.slow  # starts many processes

pytest.importorskip("torch")
pytest.importorskip("tyro")

POSIX = pytest.mark.skipif(os.name != "posix", reason="a POSIX shell's and terminal's ways to break a display")


def progress() -> Progress:
    """A run with everything that a dashboard can show, under a name that looks like rich's markup."""
    shown = Progress("snake [/x]   runs/[bold]\x1b[2J", 10**6, ("score",))
    for k in range(70):
        shown.take(
            {
                "steps": 10_000.0 * k, "steps_per_second": 1e6, "episode_return": k % 7, "episode_length": 33.0,
                "score": 3.0, "league/won": 0.5, "time/step": 1.0, "time/learn": 2.0, "policy_loss": 0.1, "entropy": 1.2,
            }
        )  # fmt: skip
    shown.note = "tcp://127.0.0.1:4711   1 window"
    return shown


# -- the dashboard --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", [progress(), Progress("snake", 1, ())], ids=["full", "empty"])
def test_the_dashboard_fits_into_every_terminal(shown):
    from rich.console import Console

    for width in range(1, 130):
        for height in (1, 2, 5, 6, 8, 24):
            said = io.StringIO()
            console = Console(file=said, width=width, height=height)
            console.print(render(shown, width, height))
            lines = said.getvalue().splitlines()
            assert max(map(len, lines)) <= width
            assert "\x1b" not in said.getvalue()
            assert width < 40 or len(lines) < max(height, 5)


def test_the_dashboard_outlives_numbers_that_are_none():
    shown = progress()
    for bad in (float("nan"), float("inf"), -float("inf")):
        shown.take({"episode_return": bad, "policy_loss": bad, "steps_per_second": bad, "time/step": bad})
        render(shown, 80, 24)


def test_a_bar_without_colours_shows_how_far_it_is():
    from rich.console import Console

    said = io.StringIO()
    shown = progress()
    shown.take({"steps": 500_000.0})
    Console(file=said, width=80).print(render(shown, 80, 24))
    bar = next(line for line in said.getvalue().splitlines() if "progress" in line)
    assert bar.count("━") == bar.count("╌") == 15


# -- displays that break --------------------------------------------------------------------------------


class Breaking:
    """A display whose `at`-th call fails."""

    def __init__(self, error: Exception, at: int) -> None:
        self.error, self.at, self.calls = error, at, 0

    def refresh(self, *_: object) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise self.error

    __enter__ = __exit__ = say = refresh


@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        BrokenPipeError(32, "Broken pipe"),
        ValueError("I/O operation on closed file"),
        ZeroDivisionError("division by zero"),
        UnicodeEncodeError("ascii", "━", 0, 1, "ordinal not in range(128)"),
        AttributeError("'NoneType' object has no attribute 'isatty'"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_display_that_fails_is_given_up_once_and_messages_go_on(error, at, capsys):
    shown = Breaking(error, at)
    with Lasting(shown, Path("runs/a")) as display:
        display.refresh()
        display.say("one")
        display.say("two")
    display.say("three")
    said = capsys.readouterr().err.splitlines()
    assert len([line for line in said if "cannot show the progress" in line and "runs/a" in line]) == 1
    assert said[-1] == "three"
    assert shown.calls == at + 1  # once more for its end, which may bring a cursor back


def test_a_stream_that_fails_is_noticed_by_the_display(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Stream(Full()))
    with Lasting(PlainLines(progress()), Path("runs/a")) as display:
        display.say("one")
    assert capsys.readouterr().err.splitlines() == [
        "cannot show the progress: No space left on device; the run itself goes on in runs/a",
        "one",
    ]


class Full(io.StringIO):
    """A stream onto a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [Full(), None, closed()], ids=["full", "none", "closed"])
@pytest.mark.parametrize(
    "command", ["", "--version", "list", "list snake", "list --help", "eval memory random --episodes 5"]
)
def test_a_result_that_cannot_be_written_is_one_line_and_exit_code_2(command, stream, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(command.split()) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: cannot write to the standard output: ") and err.count("\n") == 1


def test_no_trouble_with_stderr_reaches_who_writes_there(monkeypatch):
    for broken in (Full(), None, closed()):
        monkeypatch.setattr(sys, "stderr", broken)
        with standard_streams():
            for _ in range(2):
                print("a warning", file=sys.stderr, flush=True)
        assert main(["list", "snaek"]) == 2


def shell(redirections: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command with a shell's redirections behind it."""
    line = f"{shlex.join([sys.executable, '-m', 'puffer_arena', *map(str, arguments)])} {redirections}"
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        ["sh", "-c", line], cwd=cwd, env={**os.environ, "PYTHONPATH": path}, capture_output=True,
        encoding="utf-8", errors="surrogateescape",
    )  # fmt: skip


@POSIX
@pytest.mark.parametrize(
    ("redirections", "said"),
    [
        (">&-", "cannot show the progress: it is closed; the run itself goes on in runs/a"),
        ("<&- >&- 2>&-", ""),
        (">/dev/full", "cannot show the progress: No space left on device; the run itself goes on in runs/a"),
    ],
    ids=["closed", "all closed", "full"],
)
def test_training_outlives_its_display_and_saves(redirections, said, tmp_path):
    arguments = ("train", "snake", *SMALL, "--steps", 2 * UPDATE, "--name", "a")
    done = shell(redirections, *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert said in done.stderr and done.stderr.count("cannot show") == bool(said)
    if said:  # what would have been shown in the end is not lost
        assert "finished after 2.05 k steps" in done.stderr
    assert list((tmp_path / "runs" / "a" / "checkpoints").glob("*.safetensors"))


@pytest.mark.parametrize("kind", ["full", "ascii"])
def test_training_outlives_streams_that_take_nothing_or_little(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("stdout", "stderr"):
        stream = Full() if kind == "full" else io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr(sys, name, stream)
    assert main(["train", "snake", *SMALL, "--steps", str(2 * UPDATE), "--name", "a"]) == 0
    assert list((tmp_path / "runs" / "a" / "checkpoints").glob("*.safetensors"))
    if kind == "ascii":
        assert b"finished after 2.05 k steps" in sys.stdout.buffer.getvalue()


@POSIX
@pytest.mark.parametrize("redirections", [">/dev/full", ">&-"])
def test_a_list_that_cannot_be_written_is_said_by_a_real_process(redirections, tmp_path):
    done = shell(redirections, "list", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot write") and done.stderr.count("\n") == 1


class Terminal:
    """A terminal of any size, and the training that shows itself there."""

    def __init__(self, columns: int, rows: int, cwd: Path, **environment: str) -> None:
        self.master, slave = os.openpty()
        self._slave = slave  # held open, for later sizes
        self.resize(columns, rows)
        self.process = start(
            "train", "snake", *SMALL, "--steps", 10**9, "--name", "a", cwd=cwd, env={"TERM": "xterm", **environment}, stdout=slave
        )  # fmt: skip
        self.said = b""
        self._came = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def resize(self, columns: int, rows: int) -> None:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            with self._came:
                self.said += data
                self._came.notify_all()

    def wait(self, wanted: bytes, start: int = 0) -> int:
        """Wait until the terminal has shown something after `start`; return how much it has shown."""
        with self._came:
            assert self._came.wait_for(lambda: wanted in self.said[start:], 600), self.said[-2000:]
            return len(self.said)

    def stop(self) -> str:
        """Stop the training; return what it said on stderr."""
        self.process.send_signal(signal.SIGINT)
        err = self.process.communicate()[1]
        os.close(self._slave)
        self._thread.join()
        os.close(self.master)
        return err


@POSIX
def test_training_outlives_a_terminal_of_every_size(tmp_path):
    terminal = Terminal(18, 24, tmp_path)
    try:
        shown = terminal.wait(b"left")
        for columns, rows in ((1, 1), (120, 30)):
            terminal.resize(columns, rows)
            shown = terminal.wait(b"\x1b", terminal.wait(b"\x1b", shown))  # the second has been drawn at this size
        terminal.wait(b"progress", shown)
        terminal.resize(20, 24)
    finally:
        err = terminal.stop()
    assert err == ""
    assert terminal.process.returncode == 130
    assert b"stopped after" in terminal.said
    assert list((tmp_path / "runs" / "a" / "checkpoints").glob("*.safetensors"))


@POSIX
def test_a_dumb_terminal_gets_plain_lines(tmp_path):
    terminal = Terminal(80, 24, tmp_path, TERM="dumb")
    try:
        terminal.wait(b" left\r\n")
    finally:
        terminal.stop()
    assert b"\x1b" not in terminal.said


# -- characters -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "utf-8"])
@pytest.mark.parametrize("command", ["", "list", "list walker", "train --help", "list \udcff\u2501.py"])
def test_every_encoding_can_show_everything(command, encoding, monkeypatch):
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("COLUMNS", "60")
    try:
        assert main(command.split()) in (0, 2)
    except SystemExit as ended:  # --help
        assert not ended.code
    said = out.buffer.getvalue() + err.buffer.getvalue()
    assert said and b"Traceback" not in said and b"cannot write" not in said


def test_pictures_have_stand_ins_and_file_names_keep_their_bytes():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="puffer_arena")
    stream.write("━━╌ █▁ é… a\udcffb")
    stream.flush()
    assert raw.getvalue() == b"==- #_ ?~ a\xffb"


def test_text_of_others_does_not_steer_the_terminal(capsys):
    with Lasting(PlainLines(Progress("snake", 1, ())), Path("runs/a")) as display:
        display.say("a window: \x1b[2J\x07 \x9b5m")
    assert "a window: \\x1b[2J\\x07 \\x9b5m\n" in capsys.readouterr().out
    assert printable("two\nlines\twith a tab") == "two\nlines\twith a tab"
    assert main(["list", "\x1b[2Jsnake"]) == 2
    assert "\x1b" not in capsys.readouterr().err


# -- what is to be pasted and read ----------------------------------------------------------------------

NASTY = ["runs/my runs/a", "it's", '"$HOME"', "`id`", "a;b", "*", "ü", "", "#1", "a\\b"]


@POSIX
@pytest.mark.parametrize("word", NASTY)
def test_printed_commands_mean_to_a_shell_what_they_say(word):
    said = command_line("watch", word)
    told = subprocess.run(
        ["sh", "-c", said.replace("python -m puffer_arena", "printf '%s\\n'", 1)], capture_output=True, text=True
    ).stdout
    assert told == f"watch\n{word}\n"


@POSIX
def test_the_commands_that_training_prints_can_be_pasted(tmp_path, here):
    given = (*SMALL, "--steps", 2 * UPDATE, "--runs-dir", tmp_path / "it's mine; $HOME", "--name", "a")
    (tmp_path / "my games").mkdir()
    game = tmp_path / "my games" / "bandit & co.py"
    game.write_text((ROOT / "envs" / "bandit.py").read_text())
    code, out, err = here(tmp_path, "train", game, *given)
    assert code == 0, err
    lines = [line.split(None, 1)[1] for line in out.splitlines() if line.startswith("  ")]
    assert lines[0] == str(tmp_path / "it's mine; $HOME" / "a")
    measure = shlex.split(lines[-1])
    assert measure[:4] == ["python", "-m", "puffer_arena", "eval"]
    assert "held-out" in here(tmp_path, *measure[3:], "--episodes", 20)[1]


def test_names_are_suggested_by_their_last_part_and_by_initials():
    settings = ["ppo.gamma", "ppo.clip", "optimizer.name", "optimizer.learning_rate", "network.memory", "live.port"]
    for asked, meant in (
        ("optimizer.lr", "optimizer.learning_rate"),
        ("lr", "optimizer.learning_rate"),
        ("gamma", "ppo.gamma"),
        ("network.gamma", "ppo.gamma"),
        ("optimizer.learning-rate", "optimizer.learning_rate"),
        ("optimiser.nmae", "optimizer.name"),
        ("memry", "network.memory"),
    ):
        assert suggest(asked, settings) == f"did you mean '{meant}'?"
    assert suggest("optimizer.zzz", settings).startswith("valid are: ")
    assert suggest("x", []) == "there are none"


def test_text_is_filled_along_its_shape():
    doc = "A first line that is long.\n\nActions   one, two\n          and three.\nReward    none.\n\n    python -m puffer_arena list a b c"
    assert reflow(doc, 22).splitlines() == [
        "A first line that is",
        "long.",
        "",
        "Actions   one, two and",
        "          three.",
        "Reward    none.",
        "",
        "    python -m puffer_arena list a b c",
    ]
    assert fill("short", 20, 4) == "short"


def test_a_sign_of_life_is_one_line_in_a_terminal_and_rare_elsewhere(capsys, monkeypatch):
    now = [0.0]
    waiting = Waiting(clock=lambda: now[0])
    assert not waiting.due()
    now[0] = output.PROGRESS_SECONDS[False]
    assert waiting.due()
    waiting.tell("half of it")
    assert not waiting.due()
    assert capsys.readouterr().err == "half of it\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "20")
    with Waiting(clock=lambda: now[0]) as waiting:
        waiting.tell("more than the terminal can show")
    assert capsys.readouterr().err == f"more than the termi\r{' ' * 19}\r"


def test_shells_complete_commands_options_and_games(capsys):
    assert main(["completion", "fish"]) == 0
    assert '-n "__fish_seen_subcommand_from train" -l ppo.gamma' in capsys.readouterr().out
    assert main(["completion", "bash"]) == 0
    script, words = capsys.readouterr().out, "--ppo.ga --curriculum.r --env"
    ask = '\nCOMP_WORDS=(puffer-arena {} "{}"); COMP_CWORD={}; _puffer_arena; echo "${{COMPREPLY[@]}}"'
    asked = [("", "tourn", 1), ("play", "sna", 2), *(("train", word, 2) for word in words.split()), ("replay", "", 2)]
    done = subprocess.run(["bash", "-c", script + "".join(ask.format(*each) for each in asked)], capture_output=True)
    wanted = ["tournament", "snake", "--ppo.gae-lambda --ppo.gamma", "--curriculum.ranges", "", ""]
    assert done.stdout.decode().splitlines() == wanted, done.stderr

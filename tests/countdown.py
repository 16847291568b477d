"""The game countdown, and copies of it with something changed."""

from pathlib import Path

from tests import playing

COUNTDOWN = Path(playing.COUNTDOWN).read_text()


def write(folder: Path, *changes: tuple[str, str], name: str = "broken") -> str:
    source = COUNTDOWN
    for old, new in changes:
        assert old in source
        source = source.replace(old, new, 1)
    (folder / f"{name}_{folder.name}.py").write_text(source)
    return str(folder / f"{name}_{folder.name}.py")

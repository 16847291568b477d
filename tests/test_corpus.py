"""Files and messages from outside, of every format: read, or refused in one line, and nothing else happens."""

import pytest

from tools import fuzz

EXAMPLES = sorted(path.relative_to(fuzz.CORPUS) for path in fuzz.CORPUS.glob("*/*"))


@pytest.mark.parametrize("name", fuzz.READERS)
def test_a_format_is_read_or_refused(name: str) -> None:
    examples = [path for path in EXAMPLES if path.parent.name == name]
    said = {path.name: fuzz.outcome(name, (fuzz.CORPUS / path).read_bytes()) for path in examples}
    assert said["sound"] == "read" or name not in fuzz.KEPT  # `tools/fuzz.py --seeds` renews the others
    assert set(said.values()) <= {"read", "refused"}, said

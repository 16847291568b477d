"""A page in headless Chromium, over the DevTools protocol through pipes: https://chromedevtools.github.io/devtools-protocol."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-pipe",
)


def find_browser() -> str:
    """Return the browser's program, "" where there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")


class Page:
    """A page that a browser shows.

    Attributes:
        faults: what its script has thrown so far.
    """

    def __init__(self, asks: Any, answers: Any) -> None:
        self._asks, self._answers, self._last = asks, answers, 0
        self._session, self.faults = "", list[str]()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": given}
        self._asks.write(json.dumps(message | ({"sessionId": self._session} if self._session else {})).encode() + b"\0")
        self._asks.flush()
        while (told := self._read()).get("id") != self._last:
            if told.get("method") == "Runtime.exceptionThrown":
                self.faults.append(json.dumps(told["params"]["exceptionDetails"])[:500])
        assert "error" not in told, told
        return dict(told["result"])

    def _read(self) -> dict[str, Any]:
        data = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser has ended"
            data += byte
        return dict(json.loads(data))

    def evaluate(self, text: str) -> Any:
        """Return what an expression of the page's script gives; promises are waited for."""
        done = self.call("Runtime.evaluate", expression=text, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def open(self, path: Path, ready: str = "typeof game !== 'undefined' && game !== null") -> None:
        """Open a file, and wait until it is ready: by default until its first game is there."""
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not self.evaluate(ready):
            time.sleep(0.02)

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Start a browser that keeps its files in `folder`, and end it."""
    (theirs, asks), (answers, ours) = os.pipe(), os.pipe()
    command = [find_browser(), *OPTIONS, f"--user-data-dir={folder}"]
    surroundings = {**os.environ, "HOME": str(folder)}
    # The browser reads from its third and writes to its fourth descriptor.
    shell = f'exec "$@" 3<&{theirs} 4>&{ours}'
    with (
        subprocess.Popen(
            ["bash", "-c", shell, "-", *command], pass_fds=(theirs, ours), env=surroundings, stderr=subprocess.DEVNULL
        ) as process,
        os.fdopen(asks, "wb") as writing,
        os.fdopen(answers, "rb") as reading,
    ):
        os.close(theirs)
        os.close(ours)
        try:
            page = Page(writing, reading)
            yield page
            page.call("Browser.close")
        finally:
            process.terminate()
            process.wait()

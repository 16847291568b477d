"""When the window draws: at once after input, at a bounded cost while watching, hardly when nothing is new.

Beside a trainer it is this that keeps the window cheap, not a low priority, with which a person's click would wait for
seconds until a busy machine has time for it.
"""

POLL = 1 / 60  # seconds between looks at the source
CALM_POLL = 1 / 40  # the same beside a trainer, while the person only watches: a key waits for no longer
LIVELY = 0.6  # seconds of full frame rate after the person did something
SHARE = 0.3  # of one core that drawing may take
CALM_SHARE = 0.012  # of the whole machine that it may take from a trainer, while the person only watches
CALM_FRAME = 1 / 15  # seconds between frames at least in time-lapse, where rows leap anyway
SLOWEST = 2.0  # seconds between frames at most while there is something new, and also when there is not


class Pace:
    """Decides when a frame is due.

    `calm` is time-lapse beside a trainer that needs the machine.
    """

    def __init__(self, cores: int) -> None:
        self.cost = 0.0  # processor seconds of a frame, smoothed
        self.calm = False
        self._cores = cores
        self._drawn = self._touched = -1e9

    @property
    def interval(self) -> float:
        """Seconds between frames that show something new."""
        if not self.calm:
            return min(self.cost / SHARE, SLOWEST)
        return min(max(self.cost / (CALM_SHARE * self._cores), CALM_FRAME), SLOWEST)

    def wish(self, now: float) -> float:
        """Return the seconds between the frames that will be drawn as things are."""
        return POLL if self.lively(now) else self.interval

    def touch(self, now: float) -> None:
        """Note that the person did something."""
        self._touched = now

    def lively(self, now: float) -> bool:
        """Tell whether the person did something just now."""
        return now - self._touched < LIVELY

    def due(self, now: float, fresh: bool) -> bool:
        """Tell whether to draw a frame now; `fresh` says that the source has something new."""
        since = now - self._drawn
        return self.lively(now) or since >= SLOWEST or (fresh and since >= self.interval)

    def rest(self, now: float) -> float:
        """Return how many seconds to wait for input before looking at the source again."""
        if self.lively(now) or not self.calm:
            return POLL
        return min(max(self._drawn + self.interval - now, POLL), CALM_POLL)

    def drew(self, now: float, cost: float) -> None:
        """Note a frame and what it cost."""
        self._drawn = now
        self.cost = 0.9 * self.cost + 0.1 * cost if self.cost else cost

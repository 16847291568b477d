"""When the window draws: at once after input, at a bounded cost while watching, hardly when nothing is new.

Beside a trainer it is this that keeps the window cheap, not a low priority, with which a person's click would wait for
seconds until a busy machine has time for it.
"""

POLL = 1 / 60  # seconds between looks at the source; input is answered between them, too
CALM_POLL = 1 / 10  # the same beside a trainer, while the person only watches
LIVELY = 0.6  # seconds of full frame rate after the person did something
CALM_LIVELY = 1 / 30  # seconds between frames meanwhile, beside a trainer
CALM_WISH = 1 / 5  # seconds between frames of the trainer's meanwhile: each costs more than many answers
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
        self._drawn = self._touched = self._looked = -1e9
        self._asked = False  # the person did something that no frame answers yet

    @property
    def interval(self) -> float:
        """Seconds between frames that show something new."""
        if not self.calm:
            return min(self.cost / SHARE, SLOWEST)
        return min(max(self.cost / (CALM_SHARE * self._cores), CALM_FRAME), SLOWEST)

    def wish(self, now: float) -> float:
        """Return the seconds between the frames that will be drawn as things are."""
        if not self.lively(now):
            return self.interval
        return min(self.interval, CALM_WISH) if self.calm else POLL

    def touch(self, now: float) -> None:
        """Note that the person did something."""
        self._touched, self._asked = now, True

    def looks(self, now: float) -> bool:
        """Tell whether to look at the source now: an answer to the person does not wait for its rows to be drawn."""
        if self._asked and now - self._looked < min(self.interval, CALM_WISH):
            return False
        self._looked = now
        return True

    def lively(self, now: float) -> bool:
        """Tell whether the person did something just now."""
        return now - self._touched < LIVELY

    def due(self, now: float, fresh: bool) -> bool:
        """Tell whether to draw a frame now; `fresh` says that the source has something new."""
        since = now - self._drawn
        if self._asked or (self.lively(now) and since >= self._tick):
            return True
        return since >= SLOWEST or (fresh and since >= self.interval)

    def rest(self, now: float) -> float:
        """Return how many seconds to wait for input before looking at the source again."""
        if self._asked:
            return 0.0
        if self.lively(now) or not self.calm:
            return self._tick
        return min(max(self._drawn + self.interval - now, POLL), CALM_POLL)

    def drew(self, now: float, cost: float, fresh: bool = True) -> None:
        """Note a frame, and what it cost where it showed something new: other frames are no measure for those."""
        self._drawn, self._asked = now, False
        if fresh:
            self.cost = 0.9 * self.cost + 0.1 * cost if self.cost else cost

    def ask(self) -> None:
        """Note that the frame just drawn has changed what there is to show, as a click on a button does."""
        self._asked = True

    @property
    def _tick(self) -> float:
        """Seconds between frames, or looks at the source, while the person does something."""
        return CALM_LIVELY if self.calm else POLL

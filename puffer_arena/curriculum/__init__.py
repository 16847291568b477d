"""Who chooses what the next episodes are: parameters and levels, row by row."""

from puffer_arena.curriculum.choose import CURRICULA, load_curriculum, name_curriculum
from puffer_arena.curriculum.curriculum import Curriculum, Ended, Tasks
from puffer_arena.curriculum.director import Director
from puffer_arena.curriculum.spread import Spread

__all__ = ["CURRICULA", "Curriculum", "Director", "Ended", "Spread", "Tasks", "load_curriculum", "name_curriculum"]

"""Hatchling's hook: an editable install gets the files of tools/startup and nothing else but its link to here."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STARTUP = Path(__file__).parent / "startup"


class StartupFiles(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build_data["force_include_editable"] = {str(file): file.name for file in STARTUP.glob("puffer_arena*")}

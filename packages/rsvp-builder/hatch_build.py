"""Carry the repository's ``data_manifests/`` into the wheel and the source distribution."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManifestsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds ``data_manifests/`` to whatever is being built.

    Built from a checkout the folder is two levels up; built from a source distribution it is
    beside this file, where the source distribution put it. An editable install reads the checkout.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Register the folder with the builder."""
        here = Path(self.root)
        beside = here / "data_manifests"
        manifests = beside if beside.is_dir() else here.parent.parent / "data_manifests"
        if not manifests.is_dir():
            raise FileNotFoundError(f"data_manifests/ is neither in {here} nor two levels above it")
        if self.target_name == "sdist":
            build_data["force_include"][str(manifests)] = "data_manifests"
        elif version != "editable":
            build_data["force_include"][str(manifests)] = "rsvp_builder/data_manifests"

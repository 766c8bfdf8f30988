"""Says by globs which objects are meant."""

import glob
import re
from collections.abc import Iterable


class Filter:
    """Says by its globs which objects are meant."""

    def __init__(self, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> None:
        self._include = {_anchored(text): pattern(text) for text in include}
        self._exclude = {_anchored(text): pattern(text) for text in exclude}

    def __call__(self, relative: str) -> bool:
        """Say whether an object is meant, by its path below the source."""
        if self._include and not any(one.fullmatch(relative) for one in self._include.values()):
            return False
        return not any(one.fullmatch(relative) for one in self._exclude.values())

    def reaches(self, folder: str) -> bool:
        """Say whether an object below a folder may be meant; in doubt it may."""
        if self._include and not any(reaches(text, folder) for text in self._include):
            return False
        # Only what ends so means all that is below.
        whole = (one for text, one in self._exclude.items() if text.endswith("**"))
        return not any(one.fullmatch(folder) for one in whole)


def pattern(text: str) -> re.Pattern[str]:
    """Translate a glob; without a slash it matches names in every folder."""
    return mask(_anchored(text))


def reaches(text: str, folder: str) -> bool:
    """Say whether a glob may match what is below a folder, whose path ends with a slash."""
    for part, name in zip(text.split("/"), folder.split("/")[:-1], strict=False):
        if part == "**":
            return True
        if not mask(part).fullmatch(name):
            return False
    return text.count("/") >= folder.count("/")


def mask(text: str) -> re.Pattern[str]:
    """Translate a glob as it is."""
    return re.compile(glob.translate(text, recursive=True, include_hidden=True))


def _anchored(text: str) -> str:
    return text.removeprefix("/") if "/" in text else f"**/{text}"

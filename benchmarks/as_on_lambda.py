"""Makes this process like the one that reads files in a function; to be imported before pyarrow is.

pyarrow imports numpy and pandas where there are any, which takes time and memory; on Lambda there are none.
Its memory comes from the system, as `files.isolation` has it.
"""

import os
import sys
from importlib.abc import MetaPathFinder


class _Without(MetaPathFinder):
    """Finds nothing, and says that some packages are not there."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def find_spec(self, name: str, *_: object) -> None:
        """Refuse the packages.

        Raises
        ------
        ModuleNotFoundError
            It is one of them.
        """
        if name.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, _Without("pandas", "numpy"))
os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"

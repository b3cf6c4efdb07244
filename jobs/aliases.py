"""Other names of models: what clients of hosted services ask for, and what it means here.

Code that was written for a hosted service asks for that service's models. An operator says once
which of their own is meant by such a name, or by every name that is not known.
"""

from collections.abc import Callable, Collection, Mapping

ANY = "*"
MAX_NAME_CHARS = 200


class Aliases:
    """Looks names up.

    Args:
        names: The ids by other names, as they are now; `ANY` stands for all that are not known.
        models: The ids of all models that can be asked for now.
    """

    def __init__(
        self, *, names: Callable[[], Mapping[str, str]], models: Callable[[], Collection[str]]
    ) -> None:
        self._names = names
        self._models = models

    def resolve(self, name: str) -> str:
        """Return the id that a name stands for, or the name itself if it stands for none.

        What an operator named comes first, then the models there are, then `ANY`.
        """
        names = self._names()
        if name in names:
            return names[name]
        if ANY not in names or name in self._models():
            return name
        return names[ANY]

"""Column names, as a person writes them on a command line."""


def split_names(text: str) -> tuple[str, ...]:
    """Split names separated by commas, or by blanks where there is no comma (names may then hold blanks).

    Parameters
    ----------
    text
        E.g. ``minutes hour`` or ``CPU load, hour``.

    Returns
    -------
    tuple of str
        The names, in order, without surrounding blanks.
    """
    parts = text.split(",") if "," in text else text.split()
    return tuple(name.strip() for name in parts if name.strip())

"""The one exception that carries a message for the user, and those of unknown answers."""


class PlatformError(Exception):
    """Something the user can put right. The message says what is wrong and what to do about it."""

    exit_code = 1


# What reading an answer of an unknown form raises: mostly a page of a proxy in place of the API.
UNEXPECTED_ANSWERS = (AttributeError, LookupError, TypeError, ValueError)

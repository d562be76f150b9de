"""The one exception that carries a message for the user."""


class PlatformError(Exception):
    """Something the user can put right. The message says what is wrong and what to do about it."""

    exit_code = 1

"""The two ways in which a command ends without having done what it was asked."""


class Refusal(Exception):
    """What was asked cannot be done, and nothing was done. The text says why and what would help. Exit status 2."""


class Failure(Exception):
    """It was begun and did not come to its end. The text says what is known. Exit status 1."""

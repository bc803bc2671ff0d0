"""What goes wrong in a way that a person at the command line can do something about."""


class Failure(Exception):
    """Ends the command; its message is all that person needs, a traceback would only hide it."""

"""What can go wrong, as one tree.

AutohealError
├── UserError            the caller can mend it                         exit 2, HTTP 400
│   ├── ConfigError      a settings, policy or fault file is wrong      exit 3, HTTP 400
│   ├── NotFoundError    no such thing                                  exit 8, HTTP 404
│   ├── ConflictError    the thing is no longer in the state for that   exit 1, HTTP 409
│   ├── MalformedError   a payload cannot be read                       exit 2, HTTP 400
│   ├── UnnamedError     it is not said who acts                        exit 2, HTTP 422
│   └── NotSignedInError whoever asks has to sign in first              exit 2, HTTP 401
├── RefusedError         policy said no: no failure, never retried      exit 5, HTTP 403
├── WorldError           something outside failed                       exit 4, HTTP 503
│   ├── UnreachableError it did not answer; may be tried again
│   ├── OverloadedError  we cannot accept more just now; try again
│   └── StaleTargetError the target changed since it was read; never blindly again
└── IllegalMoveError     a state machine was asked for a missing move   exit 70, HTTP 500
"""


class AutohealError(Exception):
    """Something went wrong that we can name; the message says what, where, and what to do."""

    exit_code = 1
    http_status = 500
    title = "Autoheal failed"


class UserError(AutohealError):
    """The caller can mend this."""

    exit_code = 2
    http_status = 400
    title = "Bad request"


class ConfigError(UserError):
    """A settings, policy, skill or fault file is wrong."""

    exit_code = 3
    title = "Bad configuration"


class NotFoundError(UserError):
    """There is no such thing."""

    exit_code = 8
    http_status = 404
    title = "Not found"


class ConflictError(UserError):
    """The thing is no longer in the state that this needs."""

    exit_code = 1
    http_status = 409
    title = "Conflict"


class MalformedError(UserError):
    """A payload cannot be read."""

    title = "Malformed payload"


class UnnamedError(UserError):
    """It is not said who acts, and nobody signed in."""

    http_status = 422
    title = "Who does this?"


class NotSignedInError(UserError):
    """People are enrolled, and whoever asks has not said who they are."""

    http_status = 401
    title = "Sign in first"


class RefusedError(AutohealError):
    """Policy said no, by a rule that is named; this is a decision and not a failure."""

    exit_code = 5
    http_status = 403
    title = "Refused by policy"

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(f"{reason} (rule: {rule})")
        self.rule = rule


class WorldError(AutohealError):
    """Something outside Autoheal failed."""

    exit_code = 4
    http_status = 503
    title = "Dependency failed"


class UnreachableError(WorldError):
    """It did not answer; trying again may help."""


class OverloadedError(WorldError):
    """No more can be accepted just now; the sender should try again."""

    title = "Overloaded"


class StaleTargetError(WorldError):
    """The target changed since it was read, or was fenced by another; never act blindly again."""

    http_status = 409
    title = "Target changed"


class IllegalMoveError(AutohealError):
    """A state machine was asked for a move that its table does not hold."""

    exit_code = 70
    title = "Illegal move"

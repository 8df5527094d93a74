"""Every error that weir raises on purpose. Each carries one sentence: the thing, the value, the way out.

Two of them are policies: `Unreadable` is never retried and goes to the dead-letter topic;
`Unavailable` is a server's fault, is retried in place, and never dead-letters anything.
"""


class WeirError(Exception):
    """Base of all. The command line prints it as one sentence and exits with 1."""


class SettingError(WeirError):
    """A command line, a setting or a file named by one is wrong. Exit status 2."""


class Unreadable(WeirError):
    """A message or a line that cannot be used, for its own sake."""


class Unavailable(WeirError):
    """A server or a device did not answer as it should; the same call may succeed later."""


class CaptureError(WeirError):
    """The kernel side cannot be set up here: privileges, cgroup v2, bpffs, headers, or the verifier."""

"""What can go wrong between Airflow and `cms`.

CloudmeshAirflowError
├── SetupError       the metadata database could not be made ready
└── CmsError         a `cms` command did not do what was asked
    └── CmsTimeout   … within its time
"""


class CloudmeshAirflowError(Exception):
    """Base of every error this package raises on purpose."""


class SetupError(CloudmeshAirflowError):
    """The metadata database could not be made ready; the message says what to do."""


class CmsError(CloudmeshAirflowError):
    """A `cms` command ended with a non-zero status; what it had said by then is kept."""

    def __init__(
        self, command: list[str], returncode: int, stderr: str, *, stdout: str = "", what: str = ""
    ) -> None:
        self.command = command
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr
        tail = "\n".join(stderr.strip().splitlines()[-5:]) or "it said nothing on stderr"
        super().__init__(f"cms {' '.join(command)}: {what or f'exit code {returncode}'}\n{tail}")


class CmsTimeout(CmsError):
    """A `cms` command ran longer than it was given and was ended."""

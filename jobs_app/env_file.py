"""What `${env:NAME}` may read: the installation's env file, and `NOMAFLOW_VAR_*` of the process."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from django.conf import settings

OPEN_PREFIX = "NOMAFLOW_VAR_"
_SECRET_WORDS = ("SECRET", "TOKEN", "KEY", "PASS", "CREDENTIAL")
_NEVER = ("SECRET_KEY", "DATABASE_URL", "PATH", "HOME")
_NEVER_PREFIXES = ("NOMAFLOW_", "AWS_")


@dataclass(frozen=True)
class EnvValue:
    """A value and whether it must be masked wherever it shows."""

    value: str = field(repr=False)
    secret: bool


def lookup(name: str) -> EnvValue | None:
    """The value steps see under `name`, read anew each time; None when there is none."""
    value = read().get(name)
    if value is None and name.startswith(OPEN_PREFIX):
        value = os.environ.get(name)
    return None if value is None else EnvValue(value, is_secret(name))


def is_secret(name: str) -> bool:
    """Whether values of this name are masked.

    >>> is_secret("REPORTING_PASSWORD"), is_secret("REGION")
    (True, False)
    """
    return any(word in name.upper() for word in _SECRET_WORDS)


def is_closed(name: str) -> bool:
    """Whether steps can never read `name`: the server's own environment, unless the env file has it too."""
    if name.startswith(OPEN_PREFIX) or name in read():
        return False
    return name in os.environ or name.upper() in _NEVER or name.upper().startswith(_NEVER_PREFIXES)


def read() -> dict[str, str]:
    """Every name of the env file; empty when there is no file."""
    try:
        return parse((settings.NOMAFLOW_HOME / "env").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def parse(text: str) -> dict[str, str]:
    r"""`NAME=value` lines; comments, blank lines, `export` and one pair of quotes are dropped.

    >>> parse("# note\nREGION=eu\nexport MOTTO='two words'\n")
    {'REGION': 'eu', 'MOTTO': 'two words'}
    """
    found = {}
    for line in text.splitlines():
        name, sep, value = line.strip().removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if sep and name.isidentifier():
            quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "'\""
            found[name] = value[1:-1] if quoted else value
    return found

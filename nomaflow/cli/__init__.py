"""The ``nomaflow`` command. Subcommands are imported when they are called, so that ``--help`` is quick."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import Any

import click

# name: (module, what `nomaflow --help` says of it); in the module the click command has that name too.
COMMANDS = {
    "up": ("nomaflow.cli.up", "Start everything (and set it up on the first call)."),
    "down": ("nomaflow.cli.up", "Stop everything."),
    "status": ("nomaflow.cli.up", "Say what is running; exit code 1 when it is not."),
    "web": ("nomaflow.cli.processes", "Run the web server in the foreground."),
    "worker": ("nomaflow.cli.processes", "Run a worker in the foreground."),
    "beat": ("nomaflow.cli.processes", "Run the scheduler in the foreground."),
    "job": ("nomaflow.cli.job", "List, show, run, import and export jobs."),
    "run": ("nomaflow.cli.run", "Show runs and their logs."),
    "token": ("nomaflow.cli.token", "Create API tokens."),
    "user": ("nomaflow.cli.user", "Create accounts, change passwords."),
    "cron": ("nomaflow.cli.cron", "Work out when a schedule fires."),
}
OWN_PACKAGES = ("nomaflow", "jobs_app", "runs_app", "workers")


class Failure(click.ClickException):
    """One sentence on stderr; exit code 1."""

    def show(self, file: Any = None) -> None:
        click.echo(f"nomaflow: {self.format_message()}", err=True)


class LazyGroup(click.Group):
    """Knows its commands' names and imports a command's module when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if self._exists(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS or not self._exists(cmd_name):
            return None
        found: click.Command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """Turn every failure into one sentence; ``NOMAFLOW_DEBUG=1`` lets the traceback through."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(1)
        except Exception as error:
            if os.environ.get("NOMAFLOW_DEBUG"):
                raise
            raise Failure(sentence(error)) from error

    @staticmethod
    def _exists(name: str) -> bool:
        return importlib.util.find_spec(COMMANDS[name][0]) is not None


def sentence(error: Exception) -> str:
    """What a person is told of an error: our own say it all, others are named by their class."""
    text = " ".join(str(error).split())
    kind = type(error)
    if kind.__module__.partition(".")[0] in OWN_PACKAGES or kind.__name__ == "ImproperlyConfigured":
        return text
    if kind.__name__ == "OperationalError":
        return f"the database does not answer ({text}); is it running? See `nomaflow status`."
    return f"{kind.__name__}: {text}"


def setup() -> None:
    """Make Django ready, for commands that use models."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.base")
    django.setup()
    from django.conf import settings

    if not settings.DATABASES["default"]["NAME"]:
        raise Failure("no database is known here; `nomaflow up` starts one, NOMAFLOW_DATABASE_URL names one.")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nomaflow")
def main() -> None:
    """Nomaflow: jobs that run on time, say what they do, and stop when told."""

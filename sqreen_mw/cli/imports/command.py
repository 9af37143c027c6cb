"""``sqreen-mw import``."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from msgspec import structs
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sqreen_mw.cli.imports.batches import batches
from sqreen_mw.cli.imports.preview import preview
from sqreen_mw.cli.imports.progress_file import Progress as ImportProgress
from sqreen_mw.cli.imports.progress_file import ProgressFile, Summary
from sqreen_mw.cli.imports.rejects import RejectsFile
from sqreen_mw.cli.imports.run import ImportRun
from sqreen_mw.cli.imports.sender import Sender, UnreachableError
from sqreen_mw.cli.imports.source import STDIN, Reading, Source, opened
from sqreen_mw.cli.options import setting
from sqreen_mw.cli.terminal_text import echo
from sqreen_mw.collector.importing.formats import FORMATS, Format
from sqreen_mw.collector.importing.mapping import PRESETS, save_mapping
from sqreen_mw.errors import ConfigurationError

REJECTED: Final = 1
UNREACHABLE: Final = 3
"""Exit codes: some rows were rejected; the collector does not store events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """The files and the options of the command."""

    files: Annotated[
        list[str], typer.Argument(help="Files to import; - reads a pipe.", metavar="FILE...")
    ]
    url: Annotated[str, setting("URL", "The collector's address.", envvar="SQREEN_URL")] = (
        "http://127.0.0.1:7070"
    )
    token: Annotated[
        str, setting("TOKEN", "A token with the scope import.", envvar="SQREEN_TOKEN")
    ] = ""
    app: Annotated[str | None, setting("APP", "The app, by default the token's.")] = None
    env: Annotated[str | None, setting("ENV", "The environment.", default="default")] = None
    row_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help=f"One of {', '.join(FORMATS)} [default: guessed]",
            metavar="FORMAT",
            show_default=False,
        ),
    ] = None
    preset: Annotated[
        str | None, setting("NAME", f"The columns of a known export: {', '.join(PRESETS)}.")
    ] = None
    mapping: Annotated[
        Path | None, setting("FILE", "A JSON file with the columns.", default="guessed")
    ] = None
    save: Annotated[
        Path | None, typer.Option("--save-mapping", help="Write the columns there.", metavar="FILE")
    ] = None
    timezone: Annotated[
        str | None, setting("ZONE", "The zone of times without one, such as Europe/Berlin.")
    ] = None
    rejects: Annotated[
        Path | None, setting("FILE", "Receives rejected rows.", default="FILE.rejects.ndjson")
    ] = None
    trusted: Annotated[
        bool, typer.Option("--trusted", help="Mask no secrets, because there are none.")
    ] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the first rows as they would be stored.")
    ] = False
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False


def import_files(**given: Any) -> None:
    """Send events of the past from files to a running collector."""
    options = ImportOptions(**given)
    reading = Reading(
        format=_checked_format(options.row_format),
        mapping_file=options.mapping,
        preset=options.preset,
        timezone=options.timezone,
        trusted=options.trusted,
    )
    if len(options.files) > 1 and options.rejects is not None:
        raise ConfigurationError("--rejects is for one file: import the files one by one")
    total = Summary()
    for name in options.files:
        with opened(name) as file:
            source = Source(name, file, reading)
            if options.save is not None:
                save_mapping(source.mapping, options.save)
            if options.dry_run:
                preview(source, as_json=options.json)
            else:
                _add(total, _import(name, source, options=options, reading=reading))
    if not options.dry_run:
        _finish(total, as_json=options.json)


vars(import_files)["__signature__"] = signature(ImportOptions)
"""Typer reads the options from the signature."""


def _import(name: str, source: Source, *, options: ImportOptions, reading: Reading) -> Summary:
    """Import one file, from where an earlier run has stopped."""
    if not options.token:
        raise ConfigurationError(
            "--token or SQREEN_TOKEN is missing: create one with "
            "'sqreen-mw tokens create APP --scope import'"
        )
    short = "stdin" if name == STDIN else Path(name).name
    rejects = options.rejects or Path(f"{short}.rejects.ndjson")
    file = None
    progress = ImportProgress(identity="", summary=Summary())
    if name != STDIN:
        given = (options.url, options.app, options.env, options.timezone, reading.row_format)
        identity = source.identity(name, given)
        file = ProgressFile(rejects.with_name(f"{rejects.name}.progress"), identity=identity)
        progress = file.load()
    summary = progress.summary
    summary.skipped = summary.read
    rejected = RejectsFile(rejects, keep=progress.rejects_bytes)
    waiting = batches(source.rows, source.builder, skip=summary.skipped)
    with (
        closing(Sender(options.url, options.token)) as sender,
        _progress_bar(name, source) as report,
        _errors(name, is_resumable=file is not None),
    ):
        run = ImportRun(sender, progress=progress, file=file, rejects=rejected, report=report)
        run.send(waiting, app=options.app, env=options.env)
    if file is not None:
        file.remove()
    if summary.rejected:
        echo(f"{name}: {summary.rejected} rows were rejected, see {rejects}", err=True)
    return summary


@contextmanager
def _errors(name: str, *, is_resumable: bool) -> Iterator[None]:
    """Report an interrupted import in one line."""
    hint = "run the same command again to continue" if is_resumable else "it begins again next time"
    try:
        yield
    except KeyboardInterrupt:
        echo(f"{name}: interrupted; {hint}", err=True)
        raise
    except UnreachableError as error:
        echo(f"sqreen-mw: {error}; {hint}", err=True)
        raise typer.Exit(UNREACHABLE) from error


@contextmanager
def _progress_bar(name: str, source: Source) -> Iterator[Callable[[Summary], None]]:
    """Show the progress on a terminal, and yield the function that updates it."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows, {task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(Path(name).name, total=source.size, rows=0, rate=0.0)

        def report(summary: Summary) -> None:
            elapsed = bar.tasks[task].elapsed or 1.0
            rate = (summary.read - summary.skipped) / max(elapsed, 0.001)
            bar.update(task, completed=source.position, rows=summary.read, rate=rate)

        yield report


def _add(total: Summary, summary: Summary) -> None:
    for field in structs.fields(Summary):
        number = getattr(total, field.name) + getattr(summary, field.name)
        setattr(total, field.name, number)


def _finish(total: Summary, *, as_json: bool) -> None:
    """Print the numbers and set the exit code."""
    if as_json:
        echo(msgspec.json.encode(total).decode())
    else:
        echo(
            f"Rows read: {total.read}, stored: {total.stored}, duplicates: {total.duplicates}, "
            f"rejected: {total.rejected}; sent by an earlier run: {total.skipped}"
        )
    if total.rejected:
        raise typer.Exit(REJECTED)


def _checked_format(name: str | None) -> Format | None:
    found: Format | None = next((each for each in FORMATS if each == name), None)
    if name is not None and found is None:
        raise ConfigurationError(f"--format {name!r}: use one of {', '.join(FORMATS)}")
    return found

"""``devflow-analytics doctor``."""

from __future__ import annotations

import click

import devflow_analytics_db
from devflow_analytics_cli.output import echo_json, json_option, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_cli.output import Settings

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option("--fix", is_flag=True, help="Mend first what is safe to mend, and say what was done.")
@json_option
@click.pass_context
def doctor(ctx: click.Context, fix: bool, as_json: bool) -> None:
    """Examine the database and what is around it, and tell what to do.

    Looks at the SQLite build, the environment variables, the file system and its free space, the
    rights on the files, backups, other processes, the WAL, the integrity of the file, its foreign
    keys and its schema. Each gets a line with OK, WARN or FAIL, and what to do about it.

    Changes nothing without --fix. That takes away the rights of others, writes the WAL back into
    the file, and deletes unfinished copies of processes that were killed. The exit status is 1 if
    anything fails.

    \b
    The keys of --json:
      ok          whether nothing fails
      findings    a list of objects with
        check     what was looked at
        verdict   ok, warn or fail
        message   what was found
        advice    what to do, or null
      fixed       what --fix did, a list of sentences
    """
    settings: Settings = ctx.obj
    diagnosis = devflow_analytics_db.diagnose(settings.path, fix=fix)
    if as_json:
        findings = [finding._asdict() for finding in diagnosis.findings]
        echo_json({"ok": diagnosis.ok, "findings": findings, "fixed": diagnosis.fixed})
    else:
        if not settings.quiet:
            for sentence in diagnosis.fixed:
                click.echo(printable(sentence))
        for finding in diagnosis.findings:
            if finding.verdict == "ok" and settings.quiet:
                continue
            verdict = click.style(f"{finding.verdict.upper():4}", fg=COLOURS[finding.verdict])
            click.echo(f"{verdict}  {finding.check:13} {printable(finding.message)}")
            if finding.advice:
                click.echo(f"{'':19} {printable(finding.advice)}")
    if not diagnosis.ok:
        ctx.exit(1)

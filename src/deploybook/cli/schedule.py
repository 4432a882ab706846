"""`deploybook schedule`: what cron, systemd, GitHub Actions or Kubernetes need to call `run`, for this workspace."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageProblem
from .common import State, verb

if TYPE_CHECKING:
    from ..records import Workspace

ENVIRONMENT = ".deploybook/environment"
FILE = f"{ENVIRONMENT} (lines NAME=value, mode 600)"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """What every form needs. root: the workspace. program: how to start us. secrets: names that the files refer to."""

    root: Path
    name: str
    program: tuple[str, ...]
    secrets: tuple[str, ...]

    @property
    def needs(self) -> str:
        return ", ".join(self.secrets) or "no secret"


@verb("schedule")
@click.option("--for", "form", type=click.Choice(["cron", "systemd", "github", "kubernetes"]), required=True)
@click.option("--into", metavar="DIR", help="Write the files there instead of printing them.")
@click.option("--image", default="deploybook", show_default=True, help="kubernetes: the image that holds deploybook.")
@click.option(
    "--every", default=0, metavar="MINUTES", help="How often; every minute on a host, 15 in CI, 5 in a cluster."
)
def command(state: State, form: str, into: str | None, image: str, every: int) -> int:
    """Print files that call `deploybook run` for this workspace as they are. Nothing is installed."""
    workspace = state.open()
    caller = caller_of(workspace)
    files = FORMS[form](caller, image=image, every=every)
    if into is None:
        click.echo("\n".join(files.values()), nl=False)
        return 0
    folder = Path(into)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise UsageProblem(f"{path}: is there already and says something else; move it away first")
        path.write_text(text, encoding="utf-8")
        click.echo(str(path))
    return 0


def caller_of(workspace: Workspace) -> Caller:
    root = workspace.root.resolve()
    if not str(root).isprintable():
        raise UsageProblem(f"{root!r}: no scheduler can be given this path; move the workspace")
    name = re.sub(r"[^a-z0-9]+", "-", root.name.lower()).strip("-")[:40] or "workspace"
    return Caller(
        root=root,
        name=f"deploybook-{name}",
        program=(sys.executable, "-m", "deploybook"),
        secrets=tuple(sorted(set(secrets(workspace)))),
    )


def secrets(workspace: Workspace) -> Iterator[str]:
    """Each NAME of an 'env:NAME' in the sources and channels of the workspace."""
    from ..errors import FileProblems
    from ..records import read_deployment, read_settings, slugs

    yield from references(read_settings(workspace).channels)
    for slug in slugs(workspace):
        try:
            deployment = read_deployment(workspace, slug)
        except FileProblems:
            continue  # `check` says what is wrong with it
        yield from (name for source in deployment.sources for name in references(dict(source.options)))


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from references(one)
    elif isinstance(value, str) and (found := re.fullmatch(r"env:([A-Za-z_]\w*)", value)):
        yield found[1]


def cron(caller: Caller, *, every: int, **_: Any) -> dict[str, str]:
    """One line of a user's table. cron takes % for the end of the command, so it is written as \\%."""
    minute = "*" if every <= 1 else f"*/{every}"
    run = f"{shlex.join(caller.program)} run --quiet"
    secrets = f"if [ -r {ENVIRONMENT} ]; then set -a; . ./{ENVIRONMENT}; set +a; fi"
    line = f"{minute} * * * * cd {shlex.quote(str(caller.root))} && {secrets} && {run}"
    text = (
        f"# Everything that is due in {caller.root}; add this to your table with 'crontab -e'.\n"
        f"# It needs {caller.needs}; write it into {FILE}.\n" + line.replace("%", "\\%") + "\n"
    )
    return {"crontab": text}


def systemd(caller: Caller, *, every: int, **_: Any) -> dict[str, str]:
    """A service and its timer. systemd reads % as a specifier, so it is doubled."""
    path = str(caller.root).replace("%", "%%")
    command = " ".join(f'"{word}"' for word in caller.program).replace("%", "%%")
    service = f"""\
# {caller.name}.service, for /etc/systemd/system or ~/.config/systemd/user; needs {caller.needs} in {FILE}
[Unit]
Description=Everything that is due in {path}
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory={path}
EnvironmentFile=-{path}/{ENVIRONMENT}
ExecStart={command} run --quiet
# 3, 4, 5 are verdicts (breach, unclear, no data): the run itself went well
SuccessExitStatus=3 4 5
NoNewPrivileges=yes
"""
    timer = f"""\
# {caller.name}.timer; then: systemctl enable --now {caller.name}.timer
[Unit]
Description=Call {caller.name} every {"minute" if every <= 1 else f"{every} minutes"}

[Timer]
OnCalendar=*:0/{max(every, 1)}
AccuracySec=5s
Persistent=true

[Install]
WantedBy=timers.target
"""
    return {f"{caller.name}.service": service, f"{caller.name}.timer": timer}


def github(caller: Caller, *, every: int, **_: Any) -> dict[str, str]:
    """A workflow: one job at a time runs what is due and commits what was measured."""
    lines = "".join(f"      {name}: ${{{{ secrets.{name} }}}}\n" for name in caller.secrets)
    return {
        "deploybook.yml": f"""\
# .github/workflows/deploybook.yml; secrets: {caller.needs}, and DEPLOYBOOK_KEY with the text of the log's key
name: deploybook
on:
  schedule:
    - cron: "*/{every or 15} * * * *"
  workflow_dispatch:
concurrency:
  group: deploybook # one workspace, one writer
  cancel-in-progress: false
permissions:
  contents: write
jobs:
  run:
    runs-on: ubuntu-latest
    env:
{lines}      KEY: ${{{{ secrets.DEPLOYBOOK_KEY }}}}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.13"
      - run: pip install deploybook
      - name: Do what is due, keep what was measured, then tell the verdict
        run: |
          umask 077
          printf '%s\\n' "$KEY" > "$RUNNER_TEMP/log.key"
          code=0
          DEPLOYBOOK_KEY="$RUNNER_TEMP/log.key" deploybook run || code=$?
          git config user.name deploybook
          git config user.email deploybook@localhost
          git add --force deployments evidence
          if ! git diff --cached --quiet; then
            git commit --quiet --message "Record what was measured"
            git push --quiet
          fi
          exit "$code"
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: site
          path: site
          if-no-files-found: ignore
"""
    }


def kubernetes(caller: Caller, *, image: str, every: int, **_: Any) -> dict[str, str]:
    """A CronJob over a volume that holds the workspace; secrets from a Secret of the same name."""
    return {
        f"{caller.name}.yaml": f"""\
# The claim {caller.name} holds the workspace; the Secret {caller.name} holds {caller.needs}, the Secret {caller.name}-key the log's key as log.key
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {caller.name}
spec:
  schedule: "*/{every or 5} * * * *"
  concurrencyPolicy: Forbid # one workspace, one writer
  startingDeadlineSeconds: 300
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 0
      activeDeadlineSeconds: 3600
      template:
        spec:
          restartPolicy: Never
          securityContext:
            runAsNonRoot: true
            runAsUser: 1000
            fsGroup: 1000
          containers:
            - name: run
              image: {image}
              # 3, 4, 5 are verdicts (breach, unclear, no data): the run itself went well
              command:
                - sh
                - -c
                - |
                  umask 077
                  cp /key/log.key /tmp/log.key || exit 1
                  deploybook -C /workspace run --quiet || case $? in 3|4|5) ;; *) exit 1 ;; esac
              env:
                - name: HOME
                  value: /tmp
                - name: DEPLOYBOOK_KEY
                  value: /tmp/log.key
              envFrom:
                - secretRef:
                    name: {caller.name}
                    optional: true
              volumeMounts:
                - name: workspace
                  mountPath: /workspace
                - name: key
                  mountPath: /key
                  readOnly: true
                - name: tmp
                  mountPath: /tmp
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
          volumes:
            - name: workspace
              persistentVolumeClaim:
                claimName: {caller.name}
            - name: key
              secret:
                secretName: {caller.name}-key
            - name: tmp
              emptyDir: {{}}
"""
    }


FORMS: dict[str, Callable[..., dict[str, str]]] = {
    "cron": cron,
    "systemd": systemd,
    "github": github,
    "kubernetes": kubernetes,
}

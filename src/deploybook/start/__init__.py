"""
The first hour: a workspace that works at once, and the ten lines of a new deployment.

    files = start.workspace_files()                # {path from its top: bytes}: settings, services, notebooks, a sample
    written = start.write(root, files)             # what is there already is kept, and named
    text = start.deployment_text(...)              # deployment.yml with the schema line and comments that teach
    proposal = start.propose(looks, plan)             # metrics and sources out of the files that people have

Nothing here reads a source or a hand-written file: the command hands in what it read.
"""

from __future__ import annotations

from .deployment import Plan, deployment_text, renewed, scalar
from .propose import Proposal, from_panels, propose
from .sample import SLUG as SAMPLE
from .workspace import Written, folder, schema_files, workspace_files, write

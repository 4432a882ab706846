"""
Everything that people write in YAML, read strictly: deploybook.yml, services, deployment.yml, records.

The one place with YAML and pydantic; both are imported only when a file is read.
"""

from __future__ import annotations

from .folder import read_entries, read_records, records_and_problems
from .workspace import (
    SLUG,
    Settings,
    Workspace,
    check_layers,
    deployment_and_problems,
    find_workspace,
    read_deployment,
    read_settings,
    read_workspace,
    slugs,
    written,
)

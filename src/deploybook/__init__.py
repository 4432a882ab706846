"""deploybook: the runbook says what to do, the deploybook shows what happened."""

"""The frozen values that travel between the layers; every one keyword-only, times in UTC."""

from __future__ import annotations

from .deployment import (
    Checkins,
    Checkpoints,
    Closing,
    Deployment,
    Gate,
    Outcome,
    PeopleCheck,
    PlannedMessage,
    Source,
)
from .metric import Better, DeltaKind, Matcher, Metric, MetricKind, quantile_named, quantile_of
from .people import (
    ENTRY_KINDS,
    Action,
    Approval,
    ArtifactRecord,
    CheckDone,
    Entry,
    Item,
    Member,
    Programme,
    ReadinessCheck,
    Records,
    Rehearsal,
    Step,
    Touchpoint,
)
from .pulled import Original, Pulled
from .results import (
    WORST_FIRST,
    Checkin,
    CheckpointResult,
    Coverage,
    Delta,
    Estimate,
    Finding,
    GateResult,
    Interval,
    Judgement,
    Measurement,
    Verdict,
    worst,
)
from .series import Data, DataNote, Gap, Increments, Samples, Series, Turn

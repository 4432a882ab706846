"""
What a run on duty keeps in hand: the agenda of all deployments, the lock, who was told what, its own health.

`deploybook run` and `deploybook status` are made from these.
"""

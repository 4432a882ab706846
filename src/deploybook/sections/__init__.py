"""The sections of a report, and the markup they are made from."""

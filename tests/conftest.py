"""Settings of Hypothesis: quick at a desk, the same examples each time in CI."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("default", deadline=None, max_examples=60)
settings.register_profile("ci", deadline=None, max_examples=150, derandomize=True, database=None)

"""Endless tests: generated worlds, broken texts and odd requests, each from a seed."""

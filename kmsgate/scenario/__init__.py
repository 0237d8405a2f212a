"""The scenario language: suites of steps over a world, read, run and reported."""

"""What the linter does with files: which ones, which rules, repairs, and how findings look."""

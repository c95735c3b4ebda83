"""Input from strangers: fuzzing of formulas, saved fits, names and analysis files."""

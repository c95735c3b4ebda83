"""New rows to a fit without fitting again: new levels, and a population that moves a little."""

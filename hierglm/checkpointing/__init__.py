"""Long runs that save as they go: what a file keeps, of which run, and an engine that keeps it."""

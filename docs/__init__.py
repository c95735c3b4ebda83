"""How the site is built from vignettes/; `sphinx-build -W -c docs vignettes site` makes it."""

"""Tables of fits for papers: several models side by side, as text, Markdown, HTML or LaTeX."""

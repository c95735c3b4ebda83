"""How results are shown: what an object says of itself, set as text, HTML or Markdown."""

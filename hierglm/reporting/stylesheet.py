"""How a report looks: on screens from a telephone's to a desk's, light or dark, and on paper."""

from __future__ import annotations

FORMULAS = """math { font-size: 1.12em; overflow-wrap: normal; white-space: nowrap;
  font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", "Libertinus Math",
  "TeX Gyre DejaVu Math", "DejaVu Math TeX Gyre", "Noto Sans Math", math; }
math[display="block"] { width: max-content; margin: 0; }
.lines mtd { padding: .28em .12em; text-align: left; }
/* What stands in cells of MathML are blocks, which plain "right" leaves where they are. */
.lines mtd.left { text-align: right; text-align: -moz-right; text-align: -webkit-right; }
.lines mtd.note { padding-left: 1.4em; color: var(--quiet); }
.bar { border-top: .06em solid; padding-top: .12em; }
.unseen { color: transparent; font-size: 1px; }
.bold { font-weight: bold; }
"""
"""Rules of formulas alone."""

STYLE = (
    """
:root { color-scheme: light dark; --ink: #1d1d1f; --quiet: #5c5c62; --paper: #ffffff;
  --line: #d4d4d9; --shade: #f4f4f6; --link: #00598f; --good: #007a5a; --trouble: #c24a00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececf0; --quiet: #a9a9b2; --paper: #17171a; --line: #45454d;
    --shade: #232328; --link: #7cc4f2; --good: #3cc79c; --trouble: #ff9457; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 50rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
  "Liberation Sans", Arial, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.3rem; margin: 2.6rem 0 .8rem; padding-top: .9rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
p { margin: .6rem 0; }
a { color: var(--link); }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; padding: 0;
  margin: 1.2rem 0 0; }
ul { padding-left: 1.3rem; }
.callout { border-left: 4px solid var(--good); background: var(--shade); padding: .5rem .9rem;
  margin: 1rem 0; }
.callout.trouble { border-color: var(--trouble); }
.callout p { margin: .2rem 0; }
figure { margin: 1.2rem 0; }
figcaption { color: var(--quiet); font-size: .9rem; margin: .3rem 0; }
img { display: block; max-width: 100%; height: auto; background: #ffffff; }
@media (prefers-color-scheme: dark) {
  /* Pictures are drawn on white: turned round, with their hues as they were. */
  img { filter: invert(.91) hue-rotate(180deg); } }
.formula { overflow-x: auto; padding: .3rem 0; }
"""
    + FORMULAS
    + """.meanings { margin: 1.2rem 0; padding: .7rem .9rem; background: var(--shade);
  font-size: .9rem; }
.meanings div { display: grid; grid-template-columns: minmax(5.5rem, 9rem) 1fr; gap: .8rem;
  padding: .1rem 0; }
.meanings dt { overflow-x: auto; overflow-y: hidden; }
.meanings dd { margin: 0; }
.hierglm-wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th { font-weight: normal; text-align: left; vertical-align: baseline; }
td, th { padding: .16rem .8rem .16rem 0; overflow-wrap: break-word; }
td { vertical-align: baseline; }
.hierglm-head, .hierglm-column, .hierglm-title { border-bottom: 1px solid var(--line);
  vertical-align: bottom; color: var(--quiet); }
.hierglm-title { padding-top: .8rem; color: var(--ink); font-weight: 600; }
.hierglm-column, .hierglm-number { text-align: right; white-space: pre; padding-left: .4rem; }
.hierglm-inset { padding-left: .9rem; }
.hierglm-inset, .hierglm-label { min-width: 6rem; max-width: 26rem; }
pre { background: var(--shade); padding: .7rem .9rem; overflow-x: auto; font-size: .85rem;
  line-height: 1.4; white-space: pre; overflow-wrap: normal; }
pre, code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
header pre { white-space: pre-wrap; overflow-wrap: anywhere; }
summary { cursor: pointer; }
@page { size: A4; margin: 18mm 16mm; }
@media print {
  :root { color-scheme: light; --ink: #000000; --quiet: #444444; --paper: #ffffff;
    --line: #bbbbbb; --shade: #f6f6f6; --link: #000000; --good: #007a5a; --trouble: #c24a00; }
  body { padding: 0; max-width: none; font-size: 9.5pt; }
  nav { display: none; }
  h2 { break-after: avoid-page; margin-top: 1.4rem; }
  h3, figure.table figcaption, p:has(+ ul), p:has(+ pre) { break-after: avoid-page; }
  details::details-content { content-visibility: visible; height: auto; }
  td, th { overflow-wrap: anywhere; }
  figure, table, tr, .callout, .formula, .meanings div { break-inside: avoid; }
  img { filter: none; max-width: 85%; max-height: 225mm; width: auto; margin: 0 auto; }
  table, .meanings, pre { font-size: 8pt; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  .formula, .hierglm-wide, .meanings dt { overflow: visible; } }
"""
).strip()
"""A style sheet without fonts, pictures or rules from elsewhere."""

"""Every key of an analysis file: what it may hold, and what it is for.

This table is the only source: files are checked against it, and ``hierglm run --schema`` prints
it, as text or (with ``--json``) as a JSON Schema for editors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hierglm.reading import READERS
from hierglm.writing import WRITERS


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value.

    Attributes
    ----------
    words : str
        As messages name it.
    schema : mapping
        As JSON Schema says it.
    """

    words: str
    schema: Mapping[str, Any]


def _either(*schemas: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": list(schemas)}


_TEXT: Mapping[str, Any] = {"type": "string"}
_TEXTS: Mapping[str, Any] = {"type": "array", "items": _TEXT, "minItems": 1}
_SCALAR: Mapping[str, Any] = {"type": ["string", "number", "boolean"]}


def _table(of: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": of}


KINDS: Mapping[str, Kind] = {
    "text": Kind("text", _TEXT),
    "texts": Kind("text, or a list of texts", _either(_TEXT, _TEXTS)),
    "list": Kind("a list of texts", _TEXTS),
    "boolean": Kind("true or false", {"type": "boolean"}),
    "whole": Kind("a whole number", {"type": "integer"}),
    "number": Kind("a number", {"type": "number"}),
    "whole or auto": Kind(
        'a whole number, or "auto"', _either({"type": "integer"}, {"const": "auto"})
    ),
    "number or auto": Kind('a number, or "auto"', _either({"type": "number"}, {"const": "auto"})),
    "text or table": Kind("text, or a table of texts", _either(_TEXT, _table(_TEXT))),
    "table of texts": Kind("a table of texts", _table(_TEXT)),
    "table of lists": Kind("a table of lists", _table({"type": "array", "items": _SCALAR})),
    "table of tables": Kind("a table of tables of numbers", _table(_table({"type": "number"}))),
    "table": Kind("a table", {"type": "object"}),
    "tables": Kind("a list of tables", {"type": "array", "items": {"type": "object"}}),
}


@dataclass(frozen=True, slots=True)
class Key:
    """What one key may hold.

    Attributes
    ----------
    kind : str
        A key of `KINDS`.
    about : str
        One line.
    choices : tuple of str
        The texts that there are, where not any will do.
    required : bool
    """

    kind: str
    about: str
    choices: tuple[str, ...] = ()
    required: bool = False


SETTINGS: Mapping[str, Key] = {
    "method": Key(
        "text",
        "what samples or approximates",
        ("sample", "optimize", "pathfinder", "variational", "laplace"),
    ),
    "method_options": Key("table", "options of the method, by CmdStan's names"),
    "chains": Key("whole", "number of chains; 4"),
    "warmup": Key("whole or auto", 'iterations before those that are kept; "auto"'),
    "draws": Key("whole", "iterations kept of each chain; 1000"),
    "seed": Key("whole", "the same seed gives the same numbers; that of the file"),
    "adapt_delta": Key("number or auto", 'target acceptance probability; "auto"'),
    "max_treedepth": Key("whole", "longest trajectory, as a power of 2; 10"),
    "threads": Key("whole", "threads in all; the numbers do not depend on them"),
}

TOP: Mapping[str, Key] = {
    "title": Key("text", "what the analysis is about"),
    "output": Key("text", "folder of all that is written, beside the file; its name with -output"),
    "seed": Key("whole", "of models without one of their own; 1"),
}

PART: Mapping[str, Key] = {
    "formula": Key("texts", "of the response; further ones of its parameters", required=True),
    "family": Key("text", 'such as "bernoulli"; gaussian'),
    "data": Key("text", "a table of [data]; that of the model"),
    "weight": Key("number", "what its log likelihood is multiplied by; 1"),
    "name": Key("text", "what it is called in names"),
}

SECTIONS: Mapping[str, Mapping[str, Key]] = {
    "data": {
        "file": Key(
            "text", f"a table: {', '.join(READERS)}; beside the analysis file", required=True
        ),
        "where": Key("texts", 'rows to keep, such as "x > 0"; all of several must hold'),
        "columns": Key("table of texts", 'columns to make, such as z = "log(x)"; before where'),
        "factors": Key("list", "columns of numbers to read as categories"),
        "levels": Key("table of lists", "the order of a column's categories"),
    },
    "models": {
        "data": Key("text", "a table of [data]; the only one"),
        "formula": Key("texts", "of the response; further ones of its parameters"),
        "parts": Key("tables", "several responses, in place of a formula"),
        "family": Key("text", 'such as "poisson"; gaussian'),
        "priors": Key(
            "text or table", '"default", "brms", "rstanarm", or priors by name: b = "normal(0, 1)"'
        ),
        "plan": Key("text or table", '"auto", "textbook", or forms by part'),
        "engine": Key("text", 'what samples; "auto"', ("auto", "embedded", "cmdstan")),
        "missing": Key(
            "text", "what is done with rows that have missing values; drop", ("drop", "error")
        ),
        "data2": Key(
            "table of texts", "files of matrices (levels in first row and column) and of edges"
        ),
        "weights": Key("table of tables", "of levels, by factor: { school = { A = 2 } }"),
        **SETTINGS,
    },
    "comparisons": {
        "models": Key("list", "what is compared; all"),
        "unit": Key("text", "a grouping factor whose levels are left out; rows"),
        "out": Key("text", "a table, with what it says beside it as .txt; comparisons/NAME.csv"),
    },
    "predictions": {
        "model": Key("text", "what predicts; the only one"),
        "data": Key("text", "new rows: a table of [data]; the rows of the fit"),
        "target": Key("text", "what of them; mean", ("mean", "linear", "response")),
        "groups": Key("text or table", '"include", "zero" or "average"; or by factor'),
        "new_levels": Key("text", "effects of unknown levels; sample", ("sample", "zero", "error")),
        "response": Key("text", "of several responses which one"),
        "draws": Key("whole", "how many to use; all"),
        "seed": Key("whole", "that of the fit"),
        "conf_level": Key("number", "probability of the intervals; 0.95"),
        "hdi": Key("boolean", "shortest intervals; false"),
        "out": Key("text", f"{', '.join(WRITERS)}; predictions/NAME.csv"),
    },
    "tables": {
        "model": Key("text", "whose numbers; the only one"),
        "kind": Key("text", "which; tidy", ("tidy", "fixef", "ranef", "coef", "varcorr")),
        "conf_level": Key("number", "probability of the intervals; 0.95"),
        "hdi": Key("boolean", "shortest intervals; false"),
        "out": Key("text", f"{', '.join(WRITERS)}; tables/NAME.csv"),
    },
    "model_tables": {
        "models": Key("list", "side by side, for a paper; all"),
        "uncertainty": Key(
            "text", "below an estimate; interval", ("interval", "std_error", "none")
        ),
        "beside": Key("boolean", "beside the estimate instead; false"),
        "statistics": Key("texts", '"r2", "elpd", "looic", "waic"; none'),
        "labels": Key("table of texts", "other names of terms and rows"),
        "conf_level": Key("number", "probability of the intervals; 0.95"),
        "hdi": Key("boolean", "shortest intervals; false"),
        "exponentiate": Key("boolean", "common effects as exp(b); false"),
        "digits": Key("whole", "decimals; as many as each estimate is worth"),
        "title": Key("text", "the caption; that of the file"),
        "out": Key("text", ".md, .html, .tex, .txt, .docx; model_tables/NAME.md"),
    },
    "plots": {
        "model": Key("text", "of which; the only one"),
        "kind": Key(
            "text",
            "which; intervals",
            (
                "intervals",
                "trace",
                "rank",
                "ranef",
                "pooling",
                "correlation",
                "prior_posterior",
                "effects",
                "ppc",
            ),
        ),
        "options": Key("table", "arguments of fit.plot.KIND, or of fit.ppc"),
        "out": Key("text", ".png, .pdf or .svg; plots/NAME.png"),
    },
    "reports": {
        "model": Key("text", "of which; the only one"),
        "comparison": Key("text", "in place of a model: one of [comparisons]"),
        "title": Key("text", "of the report; that of the file"),
        "question": Key("text", "what the model is to answer"),
        "out": Key("text", ".html, .md or .pdf; reports/NAME.html"),
    },
}
"""The sections of named tables, ``[data.NAME]`` and so on, in the order in which they are done."""


def describe() -> str:
    """Return every key with what it is for, as text."""
    lines = ["At the top:"]
    lines += _lines(TOP)
    lines += ["", "[settings]: of all models that do not say otherwise", *_lines(SETTINGS)]
    for section, keys in SECTIONS.items():
        lines += ["", f"[{section}.NAME]", *_lines(keys)]
    lines += ["", "each of parts in [models.NAME]", *_lines(PART)]
    return "\n".join(lines)


def _lines(keys: Mapping[str, Key]) -> Iterator[str]:
    for name, key in keys.items():
        what = " | ".join(key.choices) if key.choices else KINDS[key.kind].words
        needed = ", required" if key.required else ""
        yield f"  {name} ({what}{needed})"
        yield f"      {key.about}"


def json_schema() -> dict[str, Any]:
    """Return all keys as a JSON Schema (draft 2020-12), which editors of TOML read."""
    tables = {section: _schema(keys) for section, keys in SECTIONS.items()}
    parts = {"type": "array", "items": _schema(PART), "minItems": 1}
    tables["models"]["properties"]["parts"] |= parts
    named = {s: {"type": "object", "additionalProperties": own} for s, own in tables.items()}
    whole = _schema(TOP)
    properties = {**whole["properties"], "settings": _schema(SETTINGS), **named}
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, **whole, "properties": properties}


def _schema(keys: Mapping[str, Key]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "object",
        "properties": {
            name: {
                **({"enum": list(key.choices)} if key.choices else KINDS[key.kind].schema),
                "description": key.about,
            }
            for name, key in keys.items()
        },
        "additionalProperties": False,
    }
    required = [name for name, key in keys.items() if key.required]
    return found | ({"required": required} if required else {})

"""A fit in one file, and back, without Stan and without a compiler.

The file holds the formula, the columns of the table that it uses (of rows that were read in
batches some, and sums over all), the family's name, priors with their numbers, plan, program,
settings, versions and draws: data only. Opening it parses the formula and encodes the table
again, so that contrasts, levels and knots are at hand for new data, and compares the result with
what was fitted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from hierglm.design.design import Design
from hierglm.design.encode import encode
from hierglm.design.level_weights import weigh
from hierglm.draws.draws import Draws, with_values
from hierglm.draws.integrated import with_effects, without_effects
from hierglm.draws.stored import StoredVariable
from hierglm.errors import FileError, HierglmError, clipped
from hierglm.families import family
from hierglm.formula.parse import parse
from hierglm.models import Model
from hierglm.plan.forms import Plan
from hierglm.results.archive import (
    MAX_BYTES,
    MAX_JSON,
    read_archive,
    read_json,
    to_array,
    write_archive,
)
from hierglm.results.fitted import Fitted, effects_seed
from hierglm.results.identity import compare, identities
from hierglm.results.pack import Packer, unpack
from hierglm.results.responses import pack_responses, unpack_model, unpack_table
from hierglm.results.sums import pack_sums, with_sums
from hierglm.results.vetting import check_draws, check_plan, check_seconds, vetted
from hierglm.showing.width import printable
from hierglm.suiting import in_order

Functions = Mapping[str, Callable[..., Any]]

_FIT = "fit.json"


CHECKPOINT = "checkpoint.json"
"""The member that tells of the run that a file is a checkpoint of; see `hierglm.checkpointing`."""


def save(fitted: Fitted, path: str | Path, beside: Mapping[str, bytes] | None = None) -> Path:
    """Write a fit to one file, and return its path.

    Parameters
    ----------
    fitted : Fitted
    path : str or Path
        Such as ``"schools.hglm"``. It is written beside and then renamed: what is there
        stays as it is until all is written.
    beside : mapping of str to bytes, optional
        Other members, which `load` does not look at.

    Raises
    ------
    FileError
        If it cannot be written, or if the fit holds what no file can: a family of your own.
    """
    sampled = without_effects(fitted.draws)
    size = sum(v.nbytes for v in sampled if isinstance(v, StoredVariable))
    if size > MAX_BYTES:
        raise FileError(
            f"{size:,} bytes of draws are in a file of their own, more than {str(path)!r} may "
            "have: fit.save('copy.nc') copies them part by part"
        )
    members = packed(fitted)
    target = Path(path)
    write_archive(target, [*members, *(beside or {}).items()])
    return target


def packed(fitted: Fitted) -> list[tuple[str, bytes | NDArray[Any]]]:
    """Return the members of the archive that a fit is saved in; see `save`."""
    model, plan = fitted.plan.model, fitted.plan
    refuse_unsaveable(model)
    packer = Packer()
    # Left out where there are none: files without them are those of every version.
    unsaid = () if fitted.engine_options else ("engine_options",)
    held = _but(replace(fitted, draws=_in_memory(fitted.draws)), "plan", *unsaid)
    parts = [_but(p, "model", "numbers", "parts") for p in plan.parts]
    said = {
        "functions": list(model.design.functions),
        **({"responses": pack_responses(model, packer)} if parts else _packed(model, packer)),
        "identity": packer.pack(identities(model)),
        "priors": packer.pack(model.priors),
        "plan": packer.pack(_but(plan, "model", "numbers", "parts")),
        "parts": packer.pack(parts),
        # Effects drawn afterwards come back from the seed: they are not in the file.
        "fit": packer.pack(held),
    }
    text = json.dumps(said, indent=1).encode()
    if len(text) > MAX_JSON:
        raise FileError(f"labels of {len(text):,} bytes: {MAX_JSON:,} can be opened again")
    return [(_FIT, text), *packer.arrays.items()]


def refuse_unsaveable(model: Model) -> None:
    """Refuse a model that no file can hold, before hours are spent on its fit.

    Raises
    ------
    FileError
        A family of the caller's own.
    """
    for response in model.responses:
        if _family(repr(response.family)) is not response.family:
            name = response.family.name
            raise FileError(f"a fit with a family of your own ({name!r}) cannot be saved yet")


def _packed(model: Model, packer: Packer) -> dict[str, Any]:
    """Return what the only response of a model is made from, as JSON."""
    design = model.design
    # Left out where there are none, as above.
    reduced = {} if design.reduced is None else {"reduced": pack_sums(design, packer)}
    return {
        **reduced,
        "formula": design.formula.source,
        "family": repr(model.family),
        "table": packer.pack(design.table.to_arrays()),
        "rows": packer.pack({"kept": design.kept, "total": design.total, "notes": design.notes}),
        "weights": packer.pack(design.level_weights),
        "given": packer.pack(design.given),
    }


def load(
    path: str | Path, functions: Functions | None = None, max_bytes: int = MAX_BYTES
) -> Fitted:
    """Return a saved fit.

    Its program is text that is shown: fitting again writes a program anew from the model.

    Parameters
    ----------
    path : str or Path
        What `save` wrote.
    functions : mapping of str to callable
        Functions of your own that the formula calls: files hold data, never code.
    max_bytes : int
        A larger file is refused before it is read. Opening takes at most the bytes of its
        numbers, the matrices of its formula (`hierglm.formula.limits`), and some 25 times the
        bytes of its text (`hierglm.results.archive.MAX_JSON`).

    Raises
    ------
    FileError
        A file that is missing, damaged, changed, or from another version; says which.
    """
    return restored(read_archive(Path(path), max_bytes), functions, repr(str(path)))


def restored(
    members: Mapping[str, bytes],
    functions: Functions | None,
    shown: str,
    attach: Callable[[Draws], Draws] = lambda draws: draws,
) -> Fitted:
    """Return the fit that the members of an archive hold.

    Parameters
    ----------
    members : mapping of str to bytes
    functions : mapping of str to callable
        See `load`.
    shown : str
        What errors call the file.
    attach : callable
        Takes the draws that are in the archive, returns all that were saved.

    Raises
    ------
    FileError
        As `load`.
    """
    try:
        return _restore(members, dict(functions or {}), shown, attach)
    except FileError as error:
        raise error if shown in str(error) else FileError(f"{shown}: {error}") from error
    except HierglmError as error:
        why = printable(error)[:600]
        raise FileError(f"{shown} cannot be restored by this hierglm: {why}") from error
    except MemoryError:
        raise FileError(f"{shown} asks for more memory than there is") from None
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as e:
        said = f"{type(e).__name__}: {printable(e)[:300]}"
        raise FileError(f"{shown} is damaged: {said}") from e


def _restore(
    members: Mapping[str, bytes],
    functions: Functions,
    shown: str,
    attach: Callable[[Draws], Draws],
) -> Fitted:
    if CHECKPOINT in members and _FIT not in members:
        raise FileError(
            f"{shown} is the checkpoint of a fit that has not ended; the call that began it, with "
            f"checkpoint={shown}, goes on"
        )
    said = read_json(_member(members, _FIT), _FIT)
    missing = [str(name) for name in said["functions"] if name not in functions]
    if missing:
        name = clipped(repr(missing[0]))
        raise FileError(
            f"the formula of {shown} calls {name}, a function of yours: "
            f"load({shown}, functions={{{name}: ...}})"
        )

    @cache
    def arrays(name: str) -> Any:
        return to_array(_member(members, name), name)

    if "responses" in said:
        model = unpack_model(said, functions, arrays)
    else:
        chosen = family(said["family"])
        design = in_order(_design(said, functions, arrays), chosen)
        priors = unpack(said["priors"], arrays)
        model = Model(**vetted(Model, {"design": design, "family": chosen, "priors": priors}))
    compare(identities(model), unpack(said["identity"], arrays), shown)
    parts = zip(model.parts, unpack(said["parts"], arrays), strict=True)
    plan = Plan(
        model=model,
        parts=tuple(Plan(model=m, **vetted(Plan, held)) for m, held in parts),
        **vetted(Plan, unpack(said["plan"], arrays)),
    )
    check_plan(plan)
    fitted = Fitted(plan=plan, **vetted(Fitted, unpack(said["fit"], arrays)))
    check_seconds(fitted.seconds)
    draws = attach(fitted.draws)
    check_draws(draws)
    return replace(fitted, draws=with_effects(plan, draws, effects_seed(fitted.settings)))


def _in_memory(draws: Draws) -> Draws:
    """Return what a file is to hold: effects drawn late come back from the seed."""
    sampled = without_effects(draws)
    found = {
        v.name: with_values(v, v.values) if isinstance(v, StoredVariable) else v for v in sampled
    }
    return replace(sampled, variables=found)


def _member(members: Mapping[str, bytes], name: str) -> bytes:
    if name not in members:
        raise FileError(f"damaged file: it has no member {name[:40]!r}")
    return members[name]


def _design(said: Mapping[str, Any], functions: Functions, arrays: Callable[[str], Any]) -> Design:
    """Return the design, encoded again from the kept rows of the table."""
    table = unpack_table(said["table"], arrays)
    used = {name: functions[name] for name in said["functions"]}
    formula = parse(said["formula"], table.columns, tuple(used))
    design = encode(formula, table, functions=used, data2=unpack(said["given"], arrays))
    if weights := unpack(said["weights"], arrays):
        design = weigh(design, weights)
    if "reduced" in said:
        design = with_sums(design, said["reduced"], arrays)
    rows = unpack(said["rows"], arrays)
    # Positions and notes are those of the table that the user gave.
    response = replace(design.response, rows=rows["kept"])
    return replace(
        design, response=response, kept=rows["kept"], total=rows["total"], notes=rows["notes"]
    )


def _but(record: Any, *left_out: str) -> dict[str, Any]:
    return {f.name: getattr(record, f.name) for f in fields(record) if f.name not in left_out}


def _family(name: str) -> Any:
    try:
        return family(name)
    except HierglmError:
        return None

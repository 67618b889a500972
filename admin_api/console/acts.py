"""Acts on a draft while it is built: add a condition, take a reward out, turn "all" into "any".

An act is a text of a button, ``verb place [word]``. What it cannot find it leaves as it is: the draft comes from a
browser. Nothing is stored here.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from altyn.admin_api.console import shape
from altyn.admin_api.console.fields import Path, Tree, at, path_of

PARTS_MAX = 64


def act_on(document: Tree, act: str) -> None:
    """Carry out an act, in place."""
    verb, _, rest = act.partition(" ")
    place, _, word = rest.partition(" ")
    todo: Callable[[Tree, Path, str], None] | None = {
        "condition": _add_condition,
        "reward": _add_reward,
        "limit": _add_limit,
        "turn": _turn,
        "drop": _drop,
    }.get(verb)
    if todo is not None:
        todo(document, path_of(place), word)


def _add_condition(document: Tree, path: Path, word: str) -> None:
    if word not in shape.CONDITIONS and word not in shape.GROUPS:
        return
    new = {word: [] if word in shape.GROUPS else _beginning(word)}
    parts = _outermost(document) if path == ("when",) else at(document, path)
    if isinstance(parts, list) and len(parts) < PARTS_MAX:
        parts.append(new)


def _outermost(document: Tree) -> Any:
    """The list of the outermost group; a short form is written out first."""
    when = document.get("when")
    if not isinstance(when, dict):
        when = {}
    group = next(iter(when)) if len(when) == 1 else ""
    if group not in shape.GROUPS:
        when, group = {"all": [{key: value} for key, value in when.items()]}, "all"
    document["when"] = when
    return when[group]


def _add_reward(document: Tree, path: Path, word: str) -> None:
    if word in shape.REWARDS:
        _append(document, "reward", {word: _beginning(word)})


def _add_limit(document: Tree, path: Path, word: str) -> None:
    _append(document, "limits", _beginning("limit"))


def _append(document: Tree, key: str, new: object) -> None:
    parts = document.setdefault(key, [])
    if isinstance(parts, list) and len(parts) < PARTS_MAX:
        parts.append(new)


def _turn(document: Tree, path: Path, word: str) -> None:
    """Another word for a group; its conditions stay."""
    owner = at(document, path[:-1])
    if word in shape.GROUPS and isinstance(owner, dict) and path[-1] in owner and word not in owner:
        turned = {word if key == path[-1] else key: value for key, value in owner.items()}
        owner.clear()
        owner.update(turned)


def _drop(document: Tree, path: Path, word: str) -> None:
    """Take a part out, and what is empty without it."""
    owner = at(document, path[:-1]) if path else None
    step = path[-1] if path else ""
    if isinstance(owner, dict) and step in owner:
        del owner[step]
        if not owner and len(path) > 1:
            _drop(document, path[:-1], word)
    elif isinstance(owner, list) and isinstance(step, int) and step < len(owner):
        del owner[step]
        if not owner and (path[0] != "when" or path[:-1] in (("when", "all"), ("when", "any"), ("when", "none"))):
            _drop(document, path[:-1], word)


def _beginning(word: str) -> Any:
    return deepcopy(shape.BEGINNINGS.get(word, {}))

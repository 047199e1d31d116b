"""Rules over all switches, and over the folder: nothing of the gateway, every switch flipped."""

import ast
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from pydantic import ValidationError

import esim_graph.sandbox
from esim_graph.sandbox.switches import DigiSwitches, EsimflySwitches, EsimgoSwitches, Switches

HERE = Path(__file__).parent
SOURCE = Path(esim_graph.sandbox.__file__).parent
EVERY_SWITCH = [
    (model, name) for model in (DigiSwitches, EsimflySwitches, EsimgoSwitches) for name in model.model_fields
]


@pytest.mark.parametrize(("model", "name"), EVERY_SWITCH)
def test_every_switch_is_flipped_in_some_test(model, name):
    tests = "".join(path.read_text() for path in HERE.glob("test_*.py") if path.name != Path(__file__).name)

    assert f".{name} = " in tests or f"{name}=" in tests or f'"{name}"' in tests
    kind = model.model_fields[name].annotation
    if get_origin(kind) is Literal:
        assert all(repr(value).strip("'") in tests for value in get_args(kind))


def test_every_switch_says_what_it_means_and_how_sure_we_are():
    tree = ast.parse((SOURCE / "switches.py").read_text())
    explained = {}
    for model in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for field, text in zip(model.body, model.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                explained[model.name, ast.unparse(field.target)] = str(text.value.value)

    assert set(explained) == {(model.__name__, name) for model, name in EVERY_SWITCH}
    assert all("§" in text or "(" in text or "page" in text for text in explained.values())


def test_a_switch_refuses_a_value_it_does_not_have():
    switches = Switches()

    with pytest.raises(ValidationError):
        switches.digi.single_get = "both"  # type: ignore[assignment]


def test_the_sandbox_imports_nothing_of_the_gateway():
    imported = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}

    ours = {name for name in imported if name.startswith("esim_graph")}
    assert all(name.startswith("esim_graph.sandbox") for name in ours)

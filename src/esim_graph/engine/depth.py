"""How deep a document is, and how deep the values given with it.

Fields are counted once per fragment: a spread costs a look-up and not a walk.
"""

from collections.abc import Iterable

from graphql import DocumentNode, FieldNode, FragmentDefinitionNode, FragmentSpreadNode, Node, OperationDefinitionNode
from graphql.language import ListValueNode, ObjectValueNode, SelectionSetNode


def depth_of(document: DocumentNode) -> int:
    """The number of fields above and including the deepest leaf of any operation.

    The document must be valid: no fragment may contain itself.
    """
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    known: dict[str, int] = {}

    def fragment_depth(name: str) -> int:
        if name not in known:
            known[name] = selection_depth(fragments[name].selection_set)
        return known[name]

    def selection_depth(selections: SelectionSetNode | None) -> int:
        deepest = 0
        for selection in selections.selections if selections else ():
            if isinstance(selection, FieldNode):
                depth = 1 + selection_depth(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode):
                depth = fragment_depth(selection.name.value)
            else:
                depth = selection_depth(selection.selection_set)  # type: ignore[attr-defined]
            deepest = max(deepest, depth)
        return deepest

    return max(
        (
            selection_depth(definition.selection_set)
            for definition in document.definitions
            if isinstance(definition, OperationDefinitionNode)
        ),
        default=0,
    )


def nesting_of(value: object) -> int:
    """How deep lists and objects stand in each other, in a variable's value or anywhere in a document."""
    deepest, rest = 0, [(value, 0)]
    while rest:  # no recursion here: this bounds the stack that others will need
        item, depth = rest.pop()
        inside, levels = _inside(item)
        deepest = max(deepest, depth + levels)
        rest.extend((one, depth + levels) for one in inside)
    return deepest


def _inside(item: object) -> tuple[Iterable[object], int]:
    """What an item holds, and how many levels of nesting it is by itself."""
    match item:
        case dict():
            return item.values(), 1
        case list():
            return item, 1
        case ListValueNode():
            return item.values, 1
        case ObjectValueNode():
            return item.fields, 1
        case Node():
            return (getattr(item, key) for key in item.keys if key != "loc"), 0
        case tuple():
            return item, 0
        case _:
            return (), 0

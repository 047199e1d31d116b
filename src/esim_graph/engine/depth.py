"""How deep a document is, counted once per fragment: a spread costs a look-up and not a walk."""

from graphql import DocumentNode, FieldNode, FragmentDefinitionNode, FragmentSpreadNode, OperationDefinitionNode
from graphql.language import SelectionSetNode


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

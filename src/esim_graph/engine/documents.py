"""From a caller's text to a document that may be executed: parse, validate, bound; remembered by text."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
    parse,
    validate,
)

from esim_graph.engine.depth import depth_of, nesting_of

MAX_TOKENS = 2_000  # validation compares fields pairwise: 2,000 repeated ones take it a quarter of a second
MAX_DEPTH = 20  # introspection needs 15
MAX_NESTING = 50  # of lists and objects in one value; at twice that, reading it runs out of stack
_MAX_ERRORS = 20
_REMEMBERED = 500
_REMEMBERED_LENGTH = 20_000  # characters; longer texts are made by programs and seldom come twice


class Refused(Exception):
    """The document is not executed; the errors say why."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors)
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Prepared:
    """A valid document and the operation in it that is asked for."""

    document: DocumentNode
    operation: OperationDefinitionNode
    operation_name: str | None

    @property
    def type(self) -> Literal["query", "mutation", "subscription"]:
        """Query, mutation or subscription."""
        return self.operation.operation.value


class Documents:
    """Prepares documents for one schema and remembers the valid ones, a bounded number of them."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._valid: OrderedDict[str, DocumentNode] = OrderedDict()

    def prepare(self, query: str, operation_name: str | None) -> Prepared:
        """Return what is to be executed.

        Raises:
            Refused: the text is no valid document of this schema, too large or too deep, or
                has no operation of that name.
        """
        document = self._valid.get(query)
        if document is None:
            document = self._parse(query)
            if len(query) <= _REMEMBERED_LENGTH and not _acts(document):
                self._valid[query] = document
                if len(self._valid) > _REMEMBERED:
                    self._valid.popitem(last=False)
        else:
            self._valid.move_to_end(query)
        operation = get_operation_ast(document, operation_name)
        if operation is None:
            raise Refused([GraphQLError(_which_operation(operation_name))])
        return Prepared(document, operation, operation_name)

    def _parse(self, query: str) -> DocumentNode:
        try:
            document = parse(query, max_tokens=MAX_TOKENS)
        except GraphQLError as error:
            raise Refused([error]) from None
        except RecursionError:
            raise Refused([GraphQLError("The document is nested too deeply to be read.")]) from None
        if errors := validate(self._schema, document, max_errors=_MAX_ERRORS):
            raise Refused(errors)
        # After validation, which has made sure that no fragment contains itself.
        if (depth := depth_of(document)) > MAX_DEPTH:
            raise Refused([GraphQLError(f"The document is {depth} levels deep; at most {MAX_DEPTH} are allowed.")])
        if nesting_of(document) > MAX_NESTING:
            raise Refused([GraphQLError(f"A value may be nested at most {MAX_NESTING} levels.")])
        return document


def _acts(document: DocumentNode) -> bool:
    """Whether it holds a mutation, whose text may hold an activation code: such a text is not kept."""
    return any(
        isinstance(definition, OperationDefinitionNode) and definition.operation is OperationType.MUTATION
        for definition in document.definitions
    )


def check_variables(variables: object) -> None:
    """Refuse values so deep that reading them would run out of stack.

    Raises:
        Refused: they are.
    """
    if nesting_of(variables) > MAX_NESTING:
        raise Refused([GraphQLError(f"variables may be nested at most {MAX_NESTING} levels.")])


def _which_operation(operation_name: str | None) -> str:
    if operation_name is None:
        return "operationName must name one of the operations of the document, which has more than one, or none."
    return "operationName must name an operation of the document."

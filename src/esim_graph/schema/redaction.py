"""Takes what a caller sent out of graphql-core's sentences about it.

An activation code may stand in a variable beside a missing field, or where something else belongs, and
graphql-core repeats it. What remains of a sentence are its words and the names of types, fields,
arguments, variables and directives.
"""

import re

# Values stand behind "found: " or "value: " to the end of a sentence, and between quotation marks.
_TAIL = re.compile(
    r"(?:, but encountered error '|[,;.]? [Ff]ound: |(?<!has invalid value)(?<!invalid default value)(?<= value): ).*",
    re.DOTALL,
)
_STRING = re.compile(r"(?<=String )['\"].*['\"]", re.DOTALL)  # a token of a document that cannot be parsed
_ENUM_VARIABLE = re.compile(r"(?<=: Value )'.*'(?= does not exist in )", re.DOTALL)
_NAME = re.compile(r"'(?:[$@\[]*[A-Za-z_]\w*(?:\.\w+)?(?:\(\w+:\)| \{ \.\.\. \})?[\]!]*|[^\w\s'\"]{1,3})'", re.ASCII)
_QUOTATION_MARK = re.compile(r"['\"]")


def without_values(message: str) -> str:
    """A sentence of graphql-core's without the values that the caller sent."""
    for repeated, instead in ((_TAIL, "."), (_STRING, "'…'"), (_ENUM_VARIABLE, "'…'")):
        message = repeated.sub(instead, message)
    at = 0
    while (mark := _QUOTATION_MARK.search(message, at)) is not None:
        name = _NAME.match(message, mark.start())
        if name is None and not message.startswith("'…'", mark.start()):
            return message[: mark.start()] + "…"
        at = mark.start() + 3 if name is None else name.end()
    return message

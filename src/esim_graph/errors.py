"""Every error that is raised on purpose, with the code a caller sees.

::

    GatewayError
    ├── BadUserInput            BAD_USER_INPUT
    │   └── CarrierAmbiguous    CARRIER_AMBIGUOUS, a user error only
    ├── Forbidden               FORBIDDEN
    ├── NotFound                NOT_FOUND
    ├── ConflictingOperation    CONFLICTING_OPERATION
    ├── IdempotencyKeyReused    IDEMPOTENCY_KEY_REUSED
    ├── CursorExpired           CURSOR_EXPIRED
    ├── OperationTimeout        OPERATION_TIMEOUT
    ├── DatabaseUnavailable     INTERNAL
    └── UpstreamError
        ├── UpstreamNotConfigured   UPSTREAM_NOT_CONFIGURED
        ├── UpstreamUnavailable     UPSTREAM_UNAVAILABLE
        ├── UpstreamTimeout         UPSTREAM_TIMEOUT
        ├── UpstreamRateLimited     UPSTREAM_RATE_LIMITED
        ├── UpstreamProcessing      UPSTREAM_PROCESSING
        ├── UpstreamAuthFailed      UPSTREAM_AUTH_FAILED
        ├── UpstreamForbidden       UPSTREAM_FORBIDDEN
        ├── UpstreamRefused         BAD_USER_INPUT (the vendor's 400)
        └── UpstreamBadResponse     UPSTREAM_BAD_RESPONSE

A message is one sentence that is safe to show a caller: no secret, no vendor text.
Anything that is not a ``GatewayError`` is masked as ``INTERNAL``.
"""

import math
from typing import ClassVar, Literal

UpstreamName = Literal["digi", "esimfly", "esimgo"]


class GatewayError(Exception):
    """The root: something went wrong in a way that this program foresaw."""

    code: ClassVar[str]
    retryable: bool = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadUserInput(GatewayError):
    """The caller's input is wrong; *argument* names what to mend."""

    code = "BAD_USER_INPUT"

    def __init__(self, message: str, *, argument: str | None = None) -> None:
        super().__init__(message)
        self.argument = argument


class CarrierAmbiguous(BadUserInput):
    """The carrier's name fits several profiles of the device, and the caller has not said that any will do."""


class Forbidden(GatewayError):
    """The caller may not do this; here, a browser's page of another site."""

    code = "FORBIDDEN"


class NotFound(GatewayError):
    """What the caller wants to follow does not exist."""

    code = "NOT_FOUND"


class ConflictingOperation(GatewayError):
    """What runs on the device does not go together with what is asked for.

    Attributes:
        running: the transaction or operation that runs (a ``State``, which lies above this floor and cannot be named
            here); None while nobody knows whether it does.
    """

    code = "CONFLICTING_OPERATION"

    def __init__(self, message: str, *, running: object | None = None) -> None:
        super().__init__(message)
        self.running = running


class IdempotencyKeyReused(GatewayError):
    """The key was used before, for another input."""

    code = "IDEMPOTENCY_KEY_REUSED"


class CursorExpired(GatewayError):
    """What a cursor continues is no longer there: the vendor's page, or our events."""

    code = "CURSOR_EXPIRED"


class OperationTimeout(GatewayError):
    """One GraphQL operation took longer than ``ESIM_GRAPH_OPERATION_TIMEOUT``."""

    code = "OPERATION_TIMEOUT"
    retryable = True


class DatabaseUnavailable(GatewayError):
    """Our own database did not answer; what must be remembered was not done."""

    code = "INTERNAL"
    retryable = True


class UpstreamError(GatewayError):
    """A vendor did not answer as asked.

    Args:
        message: one sentence, safe to show.
        upstream: which vendor.
        retry_after: seconds until a new try makes sense, where that is known.
        retryable: overrides the class; ``False`` where the outcome of an action is unknown,
            because trying again could act twice.
    """

    def __init__(
        self,
        message: str,
        *,
        upstream: UpstreamName,
        retry_after: float | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.upstream: UpstreamName = upstream
        self.retry_after = retry_after
        if retryable is not None:
            self.retryable = retryable

    @property
    def retry_after_seconds(self) -> int | None:
        """``retry_after`` rounded up to whole seconds."""
        return None if self.retry_after is None else math.ceil(self.retry_after)


class UpstreamNotConfigured(UpstreamError):
    """No credentials are set for this vendor."""

    code = "UPSTREAM_NOT_CONFIGURED"


class UpstreamUnavailable(UpstreamError):
    """No connection, a connection lost, or a 5xx answer."""

    code = "UPSTREAM_UNAVAILABLE"
    retryable = True


class UpstreamTimeout(UpstreamError):
    """No answer before the deadline."""

    code = "UPSTREAM_TIMEOUT"
    retryable = True


class UpstreamRateLimited(UpstreamError):
    """The vendor's rate limit is used up, by its answer or by our count."""

    code = "UPSTREAM_RATE_LIMITED"
    retryable = True


class UpstreamProcessing(UpstreamError):
    """The vendor is still working on it and asks to come back later; that is no outage."""

    code = "UPSTREAM_PROCESSING"
    retryable = True


class UpstreamAuthFailed(UpstreamError):
    """The vendor refuses our credentials."""

    code = "UPSTREAM_AUTH_FAILED"


class UpstreamForbidden(UpstreamError):
    """The vendor does not let these credentials see this thing."""

    code = "UPSTREAM_FORBIDDEN"


class UpstreamRefused(UpstreamError):
    """The vendor understood the request and refuses it as wrong (its 400).

    Attributes:
        replayed: whether it did so before, for the same idempotency key, and was not asked again.
    """

    code = "BAD_USER_INPUT"
    replayed: bool = False


class UpstreamBadResponse(UpstreamError):
    """The vendor's answer cannot be understood, or is larger than allowed."""

    code = "UPSTREAM_BAD_RESPONSE"
    retryable = True

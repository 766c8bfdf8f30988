"""What it means that a store gives no answer: how often it is asked again, and what is said."""

import socket

from cloudmesh_engine.errors import DependencyDown, EngineError
from cloudmesh_engine.stores.faults import Tampered
from cloudmesh_engine.stores.stream import Broken, WrongLength

# A dead peer, a cut connection, or an answer that ends too early: all may pass.
BROKEN = (OSError, Broken)
ATTEMPTS = 7


def attempts(error: Exception) -> int:
    """Say how often to try: what is not there, or lies, will hardly change its mind."""
    # The system's own word for a time that is over is that nothing is there yet.
    if isinstance(error, TimeoutError | BlockingIOError) or _untrusted(error):
        return 2
    if isinstance(error, ConnectionRefusedError | socket.gaierror | WrongLength):
        return 4
    return ATTEMPTS


def explain(where: str, error: Exception, known: bool) -> EngineError:
    """Say what is wrong with the store at this address.

    :param known: whether the length of the answer was, as it is an object's; then it may be
        wrong with that one only
    """
    if untrusted := _untrusted(error):
        return DependencyDown(
            f"{where}: its certificate is not trusted ({untrusted}): "
            "name your own authority with SSL_CERT_FILE"
        )
    if isinstance(error, WrongLength):
        return (Tampered if known else DependencyDown)(
            f"{where} sends another length than it promised, "
            f"again and again ({error}): do not trust it"
        )
    if isinstance(error, BlockingIOError):
        error = TimeoutError("timed out")
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return DependencyDown(f"{where} does not answer ({reason}): check the endpoint and the network")


def _untrusted(error: Exception) -> str:
    """Say why a certificate is not trusted, if it is that."""
    return str(getattr(error, "verify_message", ""))

"""Encryption of what programs say to one another: TLS, by a certificate of who listens that the others are given to trust."""

import ssl

from puffer_arena.errors import ParameterError

WAITS = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)  # what a socket raises that does not wait


def server_tls(certificate: str, key: str) -> ssl.SSLContext | None:
    """Return what encrypts the connections of who listens; None where no certificate is named.

    Args:
        certificate: a PEM file with it, and with those between it and one that is known.
        key: a PEM file with its private key.

    Raises:
        ParameterError: one is named without the other, or is not there or no such file.
    """
    if not (certificate or key):
        return None
    if not (certificate and key):
        raise ParameterError("TLS takes a certificate and its key, both as PEM files; give both or neither")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password="")  # one that is locked is refused, and asks nobody
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise ParameterError(
            f"'{certificate}' and '{key}' are no certificate and its key without a password, as PEM files: {reason}"
        ) from None
    return context

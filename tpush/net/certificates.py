"""TLS options of a server that asks for a certificate of the client."""

import re
from pathlib import Path

from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    PrivateCertificate,
    trustRootFromCertificates,
)

CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def mutual_options(key_file: str, certificate_file: str, authority_file: str) -> CertificateOptions:
    """Return the options.

    Args:
        key_file: the server's key, in PEM.
        certificate_file: its certificate and, behind it, those up to its root.
        authority_file: the certificates of the authorities of clients.

    Raises:
        ValueError: a file holds no certificate.
        OSError: a file cannot be read.
    """
    own, *chain = _certificates(certificate_file)
    server = PrivateCertificate.loadPEM(own + b"\n" + Path(key_file).read_bytes())
    return CertificateOptions(
        privateKey=server.privateKey.original,
        certificate=server.original,
        extraCertChain=[Certificate.loadPEM(each).original for each in chain] or None,
        trustRoot=trustRootFromCertificates(
            map(Certificate.loadPEM, _certificates(authority_file))
        ),
    )


def _certificates(path: str) -> list[bytes]:
    found = CERTIFICATE.findall(Path(path).read_bytes())
    if not found:
        raise ValueError(f"{path} has no certificate in it")
    return found

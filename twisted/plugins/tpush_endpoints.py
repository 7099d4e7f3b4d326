"""What `serverFromString` finds besides Twisted's own endpoints."""

from tpush.net.mtls import MTLSParser

mtls = MTLSParser()

"""How a program ends that `twistd` runs."""

import signal
from contextlib import suppress
from typing import Any

from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger

log = Logger()


def end_in_good_order(reactor: Any) -> None:
    """Let SIGTERM end this program in good order, and with the status that says so.

    By itself `twistd` remembers the signal that stopped its reactor, and dies of it when all is
    done: whoever waits for the program cannot tell an orderly end from a sudden one. Here SIGTERM
    only stops the reactor, so that the status is 0. A second one changes nothing, as from a
    supervisor that sends it to a whole group.

    Ctrl-C stays as it is, an orderly end and then death by SIGINT, which shells go by (130); only,
    the second one does not wait.

    Args:
        reactor: one of Twisted's that is to run; it installs these two methods as its handlers.
    """
    interrupt = reactor.sigInt

    def stop() -> None:
        log.info("received SIGTERM: going away")
        with suppress(ReactorNotRunning):  # it stops already
            reactor.stop()

    def on_sigterm(*_: object) -> None:
        # Not left to a handler, which Python takes out before the process has ended.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        reactor.callFromThread(stop)

    def on_sigint(number: int, frame: Any = None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        interrupt(number, frame)

    reactor.sigTerm = on_sigterm
    reactor.sigInt = on_sigint
    signal.signal(signal.SIGTERM, on_sigterm)  # until it runs

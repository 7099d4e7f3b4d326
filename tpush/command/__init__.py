"""The ``tpush`` command: publish, listen, make tokens and measure from a shell.

Each of its commands is a module with ``NAME``, ``SUMMARY``, ``EXAMPLES``, ``add_options`` and
``run``; :mod:`tpush.command.main` lists them.
"""

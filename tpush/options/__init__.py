"""Every option once: name, variable, type, default, bound, help.

``--help``, the tables in the docs and every error come from here. A role lists the options that it
takes (:class:`~tpush.commandline.RoleOptions`); each has an environment variable, ``--max-body`` is
``TPUSH_MAX_BODY``, and may stand in a file; the command line comes first.
"""

"""The description of the JSON API that programs read, OpenAPI 3.1.

Built from the same constants as the code that it describes, so that a bound stands once::

    document           the whole, and how it is served as /v1/openapi.json
    ├── paths          what may be asked for
    │   └── operation  what each of these is made of
    ├── requests       what bodies say
    ├── answers        what comes back
    └── schema         JSON Schema in few words
"""

"""What the distribution contains, and what it stands on."""

from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent

setup(
    name="tpush",
    version="0.1.0",
    description="A real-time push cluster: publish over HTTP, receive over WebSocket",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    python_requires=">=3.11",
    # Said so that an editable install puts this folder on the path, where `twistd` looks for
    # plugins, and not a hook that only finds packages.
    package_dir={"": "."},
    packages=[
        "tpush",
        "tpush.channel",
        "tpush.command",
        "tpush.hooks",
        "tpush.http",
        "tpush.net",
        "tpush.options",
        "tpush.publisher",
        "tpush.publisher.v1",
        "tpush.publisher.v1.openapi",
        "tpush.pusher",
        "tpush.pusher.v1",
        # Its one file makes the roles known to `twistd`; the package itself is Twisted's.
        "twisted.plugins",
    ],
    package_data={"tpush": ["py.typed"]},
    install_requires=[
        # Older ones let a few bytes inflate past every limit.
        "Twisted[tls] >= 26.10",
        "autobahn >= 26.10.1",
        # Older ones let a token choose how it is checked.
        "PyJWT[crypto] >= 2.15",
        # Compiled; every message is packed with it. Autobahn brings it too.
        "msgpack >= 1.1",
        # What back ends are told and asked goes out by it, and one client of the JSON API.
        "treq >= 25.5",
        # The other client, which blocks.
        "requests >= 2.32",
        # What a URL and a host's name are to treq and Twisted, which bring them.
        "hyperlink",
        "idna",
        "typing_extensions >= 4.12",
    ],
    entry_points={"console_scripts": ["tpush = tpush.command.main:main"]},
    extras_require={
        "test": [
            "build",
            "h11",
            "hypothesis",
            "import-linter >= 2.0",
            "mypy == 2.4.*",
            "mypy-zope == 1.0.*",
            "myst-parser",
            "requests",
            "ruff == 0.17.*",
            "schemathesis == 4.32.*",
            "selenium",
            "sphinx",
            "types-requests",
            "websockets",
        ],
    },
    classifiers=[
        "Framework :: Twisted",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Typing :: Typed",
    ],
)

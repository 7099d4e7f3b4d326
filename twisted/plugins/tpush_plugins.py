"""What `twistd` finds; a role's module is imported when the role is started."""

from twisted.application.service import ServiceMaker

tpush = ServiceMaker(
    "tpush", "tpush.single", "All roles of a push cluster in one process.", "tpush"
)
tpush_channel = ServiceMaker(
    "tpush-channel", "tpush.channel.plugin", "The channel of a push cluster.", "tpush-channel"
)
tpush_ws = ServiceMaker(
    "tpush-ws", "tpush.pusher.plugin", "WebSocket workers of a push cluster.", "tpush-ws"
)
tpush_http = ServiceMaker(
    "tpush-http", "tpush.publisher.plugin", "The HTTP way into a push cluster.", "tpush-http"
)

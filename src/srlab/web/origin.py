"""Which requests the page answers, and the headers of its answers."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class OwnPagesOnly:
    """Refuses requests that another site's page sends, and those under a name that is not this server's.

    A browser would send both: the first from any page that is open, the second where a name was made to point here
    (DNS rebinding). There are no CORS headers, so no other page can read an answer either.

    Args:
        app: the application.
        hosts: names under which it is reached, without ports; empty for any.
        framed_by: a site that may show the page in a frame, such as https://huggingface.co; None for none.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...], framed_by: str | None) -> None:
        self.app, self.hosts = app, hosts
        policy = (
            f"default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
            f"frame-ancestors {framed_by or chr(39) + 'none' + chr(39)}"
        )
        self.headers = {
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex",
            "Cross-Origin-Resource-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers[name] = value
            await send(message)

        refused = self._refused(Headers(scope=scope), scope["method"])
        if refused is None:
            await self.app(scope, receive, send_with_headers)
        else:
            await JSONResponse({"error": refused}, 403)(scope, receive, send_with_headers)

    def _refused(self, headers: Headers, method: str) -> str | None:
        """Why a request is refused; None where it is not."""
        host = headers.get("host", "")
        if self.hosts and host_name(host) not in self.hosts:
            return f"This server is not {host}."
        if method in ("GET", "HEAD"):
            return None
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        # Browsers that do not send the first send the second with every POST; programs send neither.
        foreign = site not in ("same-origin", "none") if site else origin is not None and _host(origin) != host
        return "Only the page itself may ask for this." if foreign else None


def host_name(host: str) -> str:
    """Returns a Host header without its port: [::1]:7860 -> ::1."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _host(origin: str) -> str:
    return origin.partition("://")[2]

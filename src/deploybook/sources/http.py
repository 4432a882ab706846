"""Asking a server: one budget of time and bytes, retries where they help, credentials only for its own host."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from ..errors import QueryRejected, SourceError, SourceUnreachable
from .packed import TooLarge, unpacked_gzip
from .request import Request
from .rows import Unreadable
from .secrets import REFERENCE, Secret, resolve, split_address

if TYPE_CHECKING:
    import httpx

BUDGET = "10m"  # for one source and one pull, retries and waits included
ANSWER = 256 << 20  # bytes of one answer, unpacked
TRIES = 5
NOT_NOW = frozenset({408, 425, 429, 500, 502, 503, 504})
OVER = "took longer than its 'timeout'"
CREDENTIALS = "'token', or 'username' and 'password', or 'tenant'"
UNKNOWN_NAME = ("name or service", "nodename", "resolution")
PRIVATE = ("authorization", "cookie", "token", "key", "secret", "password")


Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Reply:
    """
    What a server answered: body unpacked. seconds: how long it took, from the first byte sent.
    following: the next page as its Link header names it.
    """

    status: int
    body: bytes
    retry_after: float | None
    seconds: float
    following: str = ""


class Client:
    """A connection to the one server of a source; closes with the block it is used in."""

    def __init__(self, request: Request, *, scheme: str = "Bearer ") -> None:
        """scheme: what stands before a `token` in the header."""
        self.request, self.name, self.scheme = request, request.source.name, scheme
        self.secrets: list[Secret] = []
        options = request.source.options
        self.base, user, password = split_address(self.secret("url", plain=True), f"{self.name} > url")
        self.host = urlsplit(self.base).netloc
        self.limit = int(str(options.get("max_bytes") or ANSWER))
        seconds = request.seconds(BUDGET)
        self.deadline = request.clock() + seconds
        self.received = 0
        self.http = self.connect(user, password)
        self.connections: list[socket.socket] = []
        self.alarm = Timer(seconds, self.hang_up)
        self.alarm.daemon = True

    def __enter__(self) -> Client:
        self.alarm.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.alarm.cancel()
        self.http.close()
        for connection in self.connections:
            connection.close()

    def hang_up(self) -> None:
        """Ends what is being read when the time is over; a server that drips its head lets no single read time out."""
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def notice(self, event: str, about: Mapping[str, Any]) -> None:
        """Called by the transport: keeps hold of each connection that it makes, also while TLS begins."""
        if event == "connection.connect_tcp.complete":
            self.connections.append(about["return_value"].get_extra_info("socket").dup())

    def secret(self, option: str, *, plain: bool = False) -> Secret:
        """An option that may be a reference; empty where it is not written."""
        value = self.request.source.options.get(option)
        if value in (None, "") and option != "url":
            return Secret("")
        return self.resolved(value, option, plain=plain)

    def resolved(self, value: object, option: str, *, plain: bool) -> Secret:
        request = self.request
        found = resolve(value, f"{self.name} > {option}", environ=request.environ, folder=request.folder, plain=plain)
        self.secrets += [] if plain else [found]
        return found

    def connect(self, user: Secret, password: Secret) -> httpx.Client:
        import httpx

        token, tenant = self.secret("token"), self.secret("tenant", plain=True)
        user, password = self.secret("username", plain=True) or user, self.secret("password") or password
        headers = self.own_headers() | {"accept-encoding": "gzip"}
        if token:
            headers["authorization"] = f"{self.scheme}{token.reveal()}"
        if tenant:
            headers["x-scope-orgid"] = tenant.reveal()
        if any(not (sign.isprintable() and sign.isascii()) for value in headers.values() for sign in value):
            raise SourceError(f"{self.name} > headers: a header holds a sign that none may, a line end perhaps")
        auth = httpx.BasicAuth(user.reveal(), password.reveal()) if user or password else None
        self.secrets += [password, Secret(f"{user.reveal()}:{password.reveal()}")] if auth else []
        return httpx.Client(auth=auth, headers=headers, verify=self.trust(), follow_redirects=False)

    def own_headers(self) -> dict[str, str]:
        written = self.request.source.options.get("headers") or {}
        if not isinstance(written, Mapping):
            raise SourceError(
                f"{self.name} > headers: write names and values, as in 'headers: {{X-Scope-OrgID: team}}'"
            )
        found = {}
        for name, value in written.items():
            plain = not any(word in str(name).lower() for word in PRIVATE)
            found[str(name).lower()] = self.resolved(value, f"headers > {name}", plain=plain).reveal()
        return found

    def trust(self) -> ssl.SSLContext:
        """The certificates to believe in, and the client's own; checking cannot be switched off."""

        def path(option: str) -> str | None:
            value = str(self.request.source.options.get(option) or "")
            written = found[2] if (found := REFERENCE.fullmatch(value)) and found[1] == "file" else value
            return str(self.request.folder / Path(written).expanduser()) if value else None

        try:
            context = ssl.create_default_context(cafile=path("ca"))
            if certificate := path("cert"):
                context.load_cert_chain(certificate, path("key"))
        except ssl.SSLError as error:
            other = error.reason == "KEY_VALUES_MISMATCH"
            what = "'key' is not the key of 'cert'" if other else "ca, cert or key is no PEM"
            raise SourceError(f"{self.name}: {what}; write the path of the right file") from None
        except OSError as error:
            raise SourceError(f"{self.name}: ca, cert or key cannot be read ({error.strerror})") from None
        return context

    def ask(
        self,
        path: str,
        read: Callable[[Reply], Answer],
        *,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """
        What `read` makes of the server's reply; asked again where it, or the connection, says that this can help.

        form: sent as POST. Raises SourceUnreachable after the last try, QueryRejected where a retry cannot help.
        """
        start, attempt = self.request.clock(), 0
        while True:
            attempt += 1
            try:
                return read(self.once(path, form, query))
            except SourceUnreachable as problem:
                wait = max(problem.retry_after or 0, min(8, 0.5 * 2 ** (attempt - 1)) * random.uniform(0.5, 1))
                if attempt == TRIES or self.request.clock() + wait >= self.deadline:
                    spent = f"{attempt} {'try' if attempt == 1 else 'tries'}, {self.request.clock() - start:.0f} s"
                    raise SourceUnreachable(f"{problem} ({spent}); run 'pull' again later", source=self.name) from None
                self.request.sleep(wait)

    def once(self, path: str, form: Mapping[str, str] | None, query: Mapping[str, str] | None) -> Reply:
        import httpx

        start = self.request.clock()
        method, timeout = "GET" if form is None else "POST", min(max(0.05, self.deadline - start), 60)
        trace = {"trace": self.notice}
        asking = self.http.stream(method, self.base + path, data=form, params=query, timeout=timeout, extensions=trace)
        try:
            with asking as response:
                packed = self.read(response)
        except httpx.HTTPError as error:
            late = self.request.clock() > self.deadline and not isinstance(error, httpx.ConnectError)
            if not late and (words := words_for_tls(error)):
                raise QueryRejected(f"{self.name}: {self.host} {words}", source=self.name) from None
            self.fail(OVER if late else words_for(error))
        body = self.unpacked(packed, response.headers.get("content-encoding", "identity").lower())
        self.received += len(body)
        self.refuse_what_none_may_send(response, body)
        after = wait_of(response.headers.get("retry-after", ""), self.request.now)
        reply = Reply(
            status=response.status_code,
            body=body,
            retry_after=after,
            seconds=self.request.clock() - start,
            following=response.links.get("next", {}).get("url", ""),
        )
        if reply.status in NOT_NOW and not response.headers.get("content-type", "").startswith("application/json"):
            self.fail(f"answered {reply.status}", after)
        return reply

    def read(self, response: httpx.Response) -> bytes:
        packed = bytearray()
        for part in response.iter_raw():
            packed += part
            if len(packed) > self.limit:
                self.refuse_size()
            if self.request.clock() > self.deadline:
                self.fail(OVER)
        return bytes(packed)

    def refuse_what_none_may_send(self, response: httpx.Response, body: bytes) -> None:
        """Raises QueryRejected where a credential comes back, or the way to another address."""
        heads = b"\n".join(value for _, value in response.headers.raw)
        if any(form in body or form in heads for secret in self.secrets for form in secret.forms()):
            text = f"sends back a credential that it was sent; nothing of its answer ({response.status_code}) is kept"
            raise QueryRejected(f"{self.name}: {self.host} {text}, nor shown; ask who runs it", source=self.name)
        if 300 <= response.status_code < 400:
            to = urlsplit(response.headers.get("location", ""))
            target = to.netloc.rpartition("@")[2] or self.host
            target += to.path if target == self.host else ""
            text = f"sends on to {target}; write the address that answers itself"
            raise QueryRejected(f"{self.name}: {self.host} {text}", source=self.name)

    def unpacked(self, body: bytes, encoding: str) -> bytes:
        """Unpacked here and not by the transport, which unpacks each part whole: 64 kB of it may be 64 MB."""
        if encoding == "identity":
            return body
        try:
            return unpacked_gzip(body if encoding == "gzip" else b"", self.limit)
        except TooLarge:
            self.refuse_size()
        except Unreadable:
            self.fail("sent an answer that does not unpack")

    def refuse_size(self) -> NoReturn:
        most = f"{self.limit >> 20} MiB" if self.limit >> 20 else f"{self.limit} bytes"
        text = f"an answer of {self.host} is larger than {most}; ask for less, or write a larger 'max_bytes'"
        raise QueryRejected(f"{self.name}: {text}", source=self.name)

    @property
    def credentials(self) -> str:
        """The options that its credentials come from, or could."""
        options = self.request.source.options
        return next((f"'{one}'" for one in ("token", "password", "headers", "cert") if one in options), CREDENTIALS)

    def fail(self, words: str, after: float | None = None) -> NoReturn:
        raise SourceUnreachable(f"{self.name}: {self.host} {words}", source=self.name, retry_after=after) from None


def words_for(error: Exception) -> str:
    """What went wrong with a connection, without the library's words, which may quote the address."""
    import httpx

    text = str(error).lower()
    known: tuple[tuple[bool, str], ...] = (
        ("refused" in text, "refused the connection"),
        (any(sign in text for sign in UNKNOWN_NAME), "is a name that nothing is found for"),
        (isinstance(error, httpx.ConnectTimeout), "does not take connections"),
        (isinstance(error, httpx.TimeoutException), "did not answer in time"),
        (isinstance(error, httpx.RemoteProtocolError | httpx.ReadError), "broke off its answer"),
    )
    return next((words for holds, words in known if holds), f"cannot be talked to ({type(error).__name__})")


def words_for_tls(error: Exception) -> str:
    """What is wrong with a certificate, or with TLS as a whole: asking again does not mend it; '' for other errors."""
    text = str(error).lower().replace("_", " ")
    known = {
        "has expired": "shows a certificate that has expired",
        "is not valid for": "shows a certificate for another name; write that name in 'url'",
        "certificate verify failed": "shows a certificate that is not trusted; see 'ca'",
        "wrong version number": "speaks no TLS there; write 'http://' in 'url', or its other port",
        " alert ": "refuses the TLS connection, for want of a certificate of yours perhaps; see 'cert' and 'key'",
    }
    return next((words for sign, words in known.items() if sign in text and "ssl" in text), "")


def wait_of(header: str, now: datetime | None) -> float | None:
    """Retry-After in seconds: a number, or a date held against `now`."""
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - now).total_seconds()) if now else None
    except (ValueError, TypeError):
        return None

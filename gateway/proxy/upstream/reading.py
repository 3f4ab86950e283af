"""What a service says, understood: the head and the body of its answer, and what is neither.

All that a service sends is bounded: a body by the pace of the client, all else by `LONGEST_HEAD`.
"""

from __future__ import annotations

import httptools

from gateway.proxy.edge.answers import DATE, DROP, KINDS, LENGTH, NOTED, PASS, learn

Fields = list[tuple[bytes, bytes]]

LONGEST_HEAD = 64 * 1024  # of an answer, in bytes; so long may be what comes between two pieces
MOST_INTERIM = 100  # answers (1xx) before the one that counts
MOST_FIELDS = 500  # of an answer


class UpstreamDied(Exception):
    """The connection ended before the answer did, or what came was no HTTP.

    `proxy_error` says which, in the words of RFC 9209, section 2.3.
    """

    proxy_error = "connection_terminated"

    def __init__(self, text: str, proxy_error: str = "") -> None:
        super().__init__(text)
        if proxy_error:
            self.proxy_error = proxy_error


class AnswerReader:
    """Reads one answer after the other; `_reset` begins the next."""

    # The hot path: parser callbacks run for every header of every answer.

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._head_only = False
        self.upgraded = False  # the service has changed the protocol
        self._leftover = b""  # what came after that
        self._reset()

    def _reset(self) -> None:
        self.status = 0
        self.headers: Fields = []
        self.length = -1
        self.dated = False
        self.protocol = b""  # that the service would change to, in lower case
        self.said = 0  # which of the words that every answer must say
        self.received = False
        self.complete = False
        self._keep_alive = False
        self._head_done = False
        self._named: set[bytes] | None = None
        self._streaming = False
        self._chunked = False
        self._error: BaseException | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._interim = 0
        self._room = LONGEST_HEAD

    def _feed(self, data: bytes) -> None:
        """Parse what came. Raises UpstreamDied if it is no HTTP, or a head that does not end."""
        if self.upgraded:
            self._leftover += data
            return
        if len(data) > LONGEST_HEAD and not self._head_done:
            self._feed(data[:LONGEST_HEAD])
            self._feed(data[LONGEST_HEAD:])
            return
        before = self._size + self._interim
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as accepted:
            self.upgraded, self._leftover = True, data[accepted.args[0] :]
        except httptools.HttpParserError as error:
            raise UpstreamDied("The answer is no HTTP.", "http_protocol_error") from error
        if self._size + self._interim != before:
            self._room = LONGEST_HEAD
        elif not self.complete:
            self._count(len(data))

    def _count(self, size: int) -> None:
        """What is no body takes room: heads, trailers (RFC 9112, section 7.1.2) and framing."""
        self._room -= size
        if self._room < 0:
            part = "trailer" if self._head_done else "header"
            raise UpstreamDied("There is no end to it.", f"http_response_{part}_section_size")

    # What the parser calls

    def on_message_begin(self) -> None:
        """An answer begins; a second one to the same request ends the connection."""
        if self.complete:
            raise UpstreamDied("There was more than one answer.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what is meant for the client; read what is meant for us; drop trailers."""
        if self._head_done:
            return
        name = name.lower()
        kind = KINDS.get(name)
        if kind is None:
            kind = learn(name)
        if kind:
            if kind >= NOTED:
                self.said |= kind
            elif kind == LENGTH:
                self.length = int(value)
            elif kind == DATE:
                self.dated = True
            elif kind == DROP or self._is_for_us(name, value):
                return
        self.headers.append((name, value))

    def _is_for_us(self, name: bytes, value: bytes) -> bool:
        if name == b"upgrade":
            self.protocol = value.strip(b" \t").lower()
        elif name == b"transfer-encoding":
            if self._parser.get_status_code() < 200:
                return True  # an interim answer has no body: RFC 9112, section 6.1
            if self._chunked or value.lower() != b"chunked":
                # Were it left out, what is coded would be taken for plain.
                raise UpstreamDied("This transfer encoding is unknown.")
            self._chunked = True
        elif name == b"connection" and value.lower() not in (b"keep-alive", b"close"):
            self._name(value)
        return True

    def _name(self, value: bytes) -> None:
        """Note the fields that are for us alone: RFC 9110, section 7.6.1.

        What says where an answer ends, or is kept for other reasons of ours, is not given up.
        """
        tokens = (token.strip().lower() for token in value.split(b","))
        self._named = (self._named or set()) | {
            each for each in tokens if KINDS.get(each, PASS) == PASS
        }

    def on_headers_complete(self) -> None:
        """The head is there; an interim one (1xx) is forgotten when it ends."""
        status = self._parser.get_status_code()
        if status < 200 and status != 101:
            if status < 100:
                raise UpstreamDied("There is no such status.", "http_protocol_error")
            return
        self._check_head(status)
        self.status = status
        self._head_done = True
        self._keep_alive = status != 101 and self._parser.should_keep_alive()
        if self._named:
            self.headers = [field for field in self.headers if field[0] not in self._named]
        if self._chunked:
            self.length = -1
        if self._head_only:
            # The parser cannot know that no body follows; a fresh one serves the next answer.
            self.complete = True
            self._parser = httptools.HttpResponseParser(self)

    def _check_head(self, status: int) -> None:
        """Refuse what the parser lets pass: RFC 9110, section 15, and RFC 9112, 2.3 and 6.1."""
        version = self._parser.get_http_version()
        if status == 101 and self.length >= 0:
            raise UpstreamDied("This answer has no body.", "http_protocol_error")
        if status >= 600 or len(self.headers) > MOST_FIELDS:
            raise UpstreamDied("There is no such status, or too much to it.", "http_protocol_error")
        if version != "1.1" and (version != "1.0" or self._chunked):
            raise UpstreamDied("This version is unknown, or has no chunks.", "http_protocol_error")

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body until the client can take it."""
        self._chunks.append(body)
        self._size += len(body)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._head_done:
            self.complete = self.status != 101  # after which anything may follow
        else:
            self.headers, self.length, self.said, self.dated = [], -1, 0, False
            self._named = None
            self._interim += 1
            if self._interim > MOST_INTERIM:
                raise UpstreamDied("There are too many interim answers.")

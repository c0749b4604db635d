"""Requests that are odd but right, and what an upstream must get: name, bytes, expectation."""

from dataclasses import dataclass, field


@dataclass
class Seen:
    """The request at the upstream."""
    line: str = "GET /x"
    has: dict = field(default_factory=dict)     # field values, as sent on
    lacks: tuple = ()                           # names that must not be there
    body: bytes = b""
    statuses: tuple = (200,)


ODD = []


def odd(name, request, line="GET /x", **seen):
    ODD.append((name, request, Seen(line, **seen)))


def get(name, *lines, target=b"/x", **seen):
    odd(name, b"GET " + target + b" HTTP/1.1\r\nHost: h\r\n" + b"".join(f + b"\r\n" for f in lines) + b"\r\n", **seen)


def path(name, sent, seen=None):
    get("path: " + name, target=sent, line="GET " + (seen or sent.decode()))


def chunked(name, sent, body=b"hello", **seen):
    ODD.append(("chunked: " + name, b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + sent,
                Seen("POST /x", body=body, **seen)))


def sized(name, *lines, sent=b"hello", body=b"hello", **seen):
    ODD.append((name, b"POST /x HTTP/1.1\r\nHost: h\r\n" + b"".join(f + b"\r\n" for f in lines) + b"\r\n" + sent,
                Seen("POST /x", body=body, **seen)))


# --- request lines and ends of lines

odd("one empty line before it", b"\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n")
odd("HTTP/1.0", b"GET /x HTTP/1.0\r\nHost: h\r\n\r\n")
odd("HTTP/1.0 that keeps alive", b"GET /x HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", lacks=("Keep-Alive",))
for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "REPORT", "MKCOL"):
    odd("method " + method, f"{method} /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n".encode(), f"{method} /x")
odd("HEAD", b"HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n", "HEAD /x")
odd("absolute-form", b"GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n", has={"Host": "h"})
odd("absolute-form, its authority wins", b"GET http://real.example/x HTTP/1.1\r\nHost: other\r\n\r\n", has={"Host": "real.example"})
odd("absolute-form with a port", b"GET http://h:81/x?y HTTP/1.1\r\nHost: h:81\r\n\r\n", "GET /x?y", has={"Host": "h:81"})
odd("absolute-form, scheme in other case", b"GET HTTP://h/x HTTP/1.1\r\nHost: h\r\n\r\n")
odd("absolute-form without a path", b"GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", "GET /")
odd("absolute-form without a path, with a query", b"GET http://h?y HTTP/1.1\r\nHost: h\r\n\r\n", "GET /?y")
odd("absolute-form of https", b"GET https://h/x HTTP/1.1\r\nHost: h\r\n\r\n", has={"X-Forwarded-Proto": "http"})

# --- paths

path("root", b"/")
path("query", b"/x?a=b&c=d")
path("query with a question mark", b"/x??a?b")
path("query with slashes and dots", b"/x?//../a/./b")
path("query with escapes", b"/x?%00%2f%5c%zz%")
path("slash at the end", b"/x/")
path("dots in names", b"/.well-known/a..b/...c/d.")
path("three dots", b"/...")
path("escaped slash in a name", b"/v9/models/org%2Fname")
path("escaped slash in lower case", b"/v9/models/org%2fname", "/v9/models/org%2Fname")
path("escaped letters", b"/%78%2D%2e%5F%7E%39", "/x-._~9")
path("escape in lower case", b"/x%c3%a9", "/x%C3%A9")
path("escaped space", b"/x%20y")
path("escaped percent", b"/x%2500")
path("escaped percent before dots", b"/%252e%252e/x")
path("escaped question mark", b"/x%3fy", "/x%3Fy")
path("escaped hash", b"/x%23y")
path("sub-delimiters", b"/x!$&'()*+,;=:@y")
path("parameter", b"/x;a=b/y")
path("colon first", b"/:x")
path("three bytes of UTF-8", b"/%E2%82%AC")
path("four bytes of UTF-8", b"/%F0%9F%98%80")
path("long", b"/" + b"a" * 4000)

# --- fields

get("no space after the colon", b"X-Y:z", has={"X-Y": "z"})
get("spaces around a value", b"X-Y:  \t z \t ", has={"X-Y": "z"})
get("empty value", b"X-Y:", has={"X-Y": ""})
get("spaces for a value", b"X-Y:   ", has={"X-Y": ""})
get("tab inside a value", b"X-Y: a\tb", has={"X-Y": "a\tb"})
get("high bytes in a value", b"X-Y: \xc3\xa9\xff", has={"X-Y": "\xc3\xa9\xff"})
get("all characters of a token in a name", b"X!#$%&'*+-.^_`|~9: y", has={"X!#$%&'*+-.^_`|~9": "y"})
get("one letter for a name", b"X: y", has={"X": "y"})
get("two of one name", b"X-Y: a", b"X-Y: b", has={"X-Y": "a, b"})
get("colons in a value", b"X-Y: :a:b:", has={"X-Y": ":a:b:"})
get("long value", b"X-Y: " + b"a" * 8000, has={"X-Y": "a" * 8000})
get("99 fields", *(b"X-%d: y" % i for i in range(99)), has={"X-98": "y"})
get("cookies in two fields", b"Cookie: a=b", b"Cookie: c=d", has={"Cookie": "a=b, c=d"})
odd("Host with an underscore", b"GET /x HTTP/1.1\r\nHost: my_box.local:8080\r\n\r\n", has={"Host": "my_box.local:8080"})
odd("Host of IPv4", b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", has={"Host": "127.0.0.1:80"})
odd("Host of IPv6", b"GET /x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", has={"Host": "[::1]:80"})
odd("Host last", b"GET /x HTTP/1.1\r\nX: y\r\nHost: h\r\n\r\n", has={"X": "y", "Host": "h"})
odd("Host in other case", b"GET /x HTTP/1.1\r\nhOsT:h\r\n\r\n", has={"Host": "h"})

# --- what Connection says

get("Connection names a field", b"Connection: x-y", b"X-Y: z", b"X-Z: z", lacks=("X-Y",), has={"X-Z": "z"})
get("Connection names a field in other case", b"connection: close, X-y", b"x-Y: z", lacks=("X-Y",))
get("Connection names Host", b"Connection: host", has={"Host": "h"})
get("Connection names nothing", b"Connection: ,, ,", has={"Host": "h"})
get("Connection names itself", b"Connection: connection")
sized("Connection names Content-Length", b"Connection: content-length", b"Content-Length: 5")
sized("Connection names Transfer-Encoding", b"Connection: transfer-encoding", b"Transfer-Encoding: chunked",
      sent=b"5\r\nhello\r\n0\r\n\r\n")
get("Connection in two fields", b"Connection: x-a", b"Connection: x-b", b"X-A: y", b"X-B: y", lacks=("X-A", "X-B"))
get("Keep-Alive", b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive", lacks=("Keep-Alive", "Proxy-Connection"))
get("TE and Trailer", b"TE: trailers", b"Trailer: X-Y", lacks=("TE", "Trailer"))
get("Upgrade to h2c", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    lacks=("Upgrade", "HTTP2-Settings"))
get("Upgrade to TLS", b"Connection: Upgrade", b"Upgrade: TLS/1.0", lacks=("Upgrade",))
get("Upgrade without Connection", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", lacks=("Upgrade",))
get("proxy credentials", b"Proxy-Authorization: Basic eDp5", b"Proxy-Authenticate: Basic", lacks=("Proxy-Authorization", "Proxy-Authenticate"))

# --- bodies

sized("length", b"Content-Length: 5")
sized("length with spaces around", b"Content-Length: \t5 ")
sized("length 0", b"Content-Length: 0", sent=b"", body=b"")
sized("no length, no body", sent=b"", body=b"")
sized("body that looks like a request", b"Content-Length: 35", sent=b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
      body=b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n")
sized("body of all bytes", b"Content-Length: 256", sent=bytes(range(256)), body=bytes(range(256)))
sized("Expect: 100-continue with a body that did not wait", b"Expect: 100-continue", b"Content-Length: 5")
sized("Expect: 100-Continue", b"Expect: 100-Continue", b"Content-Length: 5")
ODD.append(("GET with a body", b"GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", Seen(body=b"hello")))
ODD.append(("DELETE with a body", b"DELETE /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", Seen("DELETE /x", body=b"hello")))
ODD.append(("1.0 with a body", b"POST /x HTTP/1.0\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", Seen("POST /x", body=b"hello")))
chunked("one", b"5\r\nhello\r\n0\r\n\r\n")
chunked("five", b"1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n")
chunked("none", b"0\r\n\r\n", body=b"")
chunked("many noughts at the end", b"5\r\nhello\r\n0000\r\n\r\n")
chunked("noughts before a size", b"0005\r\nhello\r\n0\r\n\r\n")
chunked("size in capitals", b"1A\r\n" + b"a" * 26 + b"\r\n0\r\n\r\n", body=b"a" * 26)
chunked("size in small letters", b"1a\r\n" + b"a" * 26 + b"\r\n0\r\n\r\n", body=b"a" * 26)
chunked("extension", b"5;a=b\r\nhello\r\n0;c\r\n\r\n")
chunked("quoted extension", b"5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n")
chunked("trailers are dropped", b"5\r\nhello\r\n0\r\nX-Forwarded-For: 1.2.3.4\r\nX-Y: z\r\n\r\n",
             lacks=("X-Y", "Trailer"))
chunked("data that looks like the end", b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", body=b"0\r\n\r\n")
ODD.append(("chunked in other case", b"POST /x HTTP/1.1\r\nHost: h\r\ntransfer-encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            Seen("POST /x", body=b"hello")))
ODD.append(("chunked with spaces around", b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:   chunked  \r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            Seen("POST /x", body=b"hello")))
ODD.append(("chunked GET", b"GET /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", Seen(body=b"hello")))

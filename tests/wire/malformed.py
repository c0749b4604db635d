"""Requests that a gateway must refuse, as a table: name, the statuses that are right, the bytes.

HEADS must be refused by their head: not one byte may reach an upstream. BODIES have a head that is
well-formed and a body that is not: an upstream may see their beginning, but never a whole request.
UNFINISHED are cut off by their client, which closes its side.
"""

BAD = (400,)
CODING = (400, 501)
VERSION = (400, 505)
METHOD = (400, 405, 501)
NOT_ALLOWED = (405,)
TOO_LARGE = (413,)
HEAD_TOO_LARGE = (431,)
EXPECTATION = (417,)

HEADS, BODIES, UNFINISHED = [], [], []

# What an attacker would like to be taken for a second request.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"


def line(name, text, right=BAD):
    """A request line, with a head that is otherwise well-formed."""
    HEADS.append((name, right, text + b"\r\nHost: h\r\n\r\n"))


def target(name, text, right=BAD):
    line("target: " + name, b"GET " + text + b" HTTP/1.1", right)


def field(name, *lines, right=BAD):
    """A GET with further field lines."""
    HEADS.append((name, right, b"GET /x HTTP/1.1\r\nHost: h\r\n" + b"".join(f + b"\r\n" for f in lines) + b"\r\n"))


def whole(name, text, right=BAD):
    HEADS.append((name, right, text))


def framed(name, *lines, right=BAD, body=b"0\r\n\r\n"):
    """A POST that is framed wrongly; what follows it would be a request to those who frame it otherwise."""
    HEADS.append((name, right, b"POST /x HTTP/1.1\r\nHost: h\r\n" + b"".join(f + b"\r\n" for f in lines)
                  + b"\r\n" + body + SMUGGLED))


def host(name, *lines, right=BAD):
    HEADS.append(("host: " + name, right, b"GET /x HTTP/1.1\r\n" + b"".join(f + b"\r\n" for f in lines) + b"\r\n"))


def chunked(name, body, right=BAD, target=b"/x"):
    BODIES.append(("chunked: " + name, right, b"POST " + target + b" HTTP/1.1\r\nHost: h\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\n" + body))


def unfinished(name, text):
    UNFINISHED.append((name, text))


def char(code):
    return f"0x{code:02x}" if code < 0x21 or code > 0x7e else chr(code)


# --- the request line ---------------------------------------------------------------------

line("HTTP/0.9", b"GET /x", VERSION)
line("no version", b"GET /x ", VERSION)
for version in (b"HTTP/0.9", b"HTTP/1.2", b"HTTP/1.9", b"HTTP/2.0", b"HTTP/3.0", b"HTTP/9.9", b"HTTP/2", b"HTTP/0.0"):
    line("version " + version.decode(), b"GET /x " + version, VERSION)
for version in (b"HTTP/1", b"HTTP/1.", b"HTTP/.1", b"HTTP/11", b"HTTP/1.10", b"HTTP/01.1", b"HTTP/1.01", b"HTTP/1.1.1",
                b"HTTP/1,1", b"HTTP/1.1a", b"HTTP/a.b", b"HTTP/-1.1", b"HTTP/1.+1", b"HTTP 1.1", b"http/1.1", b"Http/1.1",
                b"HTTPS/1.1", b"HTP/1.1", b"XHTTP/1.1", b"/1.1", b"HTTP/ 1.1", b"HTTP/1. 1", b"HTTP/1.1\0",
                b"HTTP/1.1 x", b"HTTP/4294967297.1", b"HTTP/0x1.1"):
    line("version " + repr(version)[2:-1], b"GET /x " + version, VERSION)
for protocol in (b"RTSP/1.0", b"RTSP/1.1", b"ICE/1.0", b"SIP/2.0", b"IRC/1.1"):
    line("protocol " + protocol.decode(), b"GET /x " + protocol, VERSION)
    line("protocol with its own method " + protocol.decode(), b"SOURCE /x " + protocol, VERSION + METHOD)

line("two spaces before the target", b"GET  /x HTTP/1.1")
line("two spaces after the target", b"GET /x  HTTP/1.1")
line("tab before the target", b"GET\t/x HTTP/1.1")
line("tab after the target", b"GET /x\tHTTP/1.1")
line("vertical tab before the target", b"GET\x0b/x HTTP/1.1")
line("form feed after the target", b"GET /x\x0cHTTP/1.1")
line("CR before the target", b"GET\r/x HTTP/1.1")
line("no-break space before the target", b"GET\xa0/x HTTP/1.1")
line("space at the end", b"GET /x HTTP/1.1 ")
line("tab at the end", b"GET /x HTTP/1.1\t")
line("CR at the end", b"GET /x HTTP/1.1\r")
line("space at the beginning", b" GET /x HTTP/1.1")
line("tab at the beginning", b"\tGET /x HTTP/1.1")
line("NUL at the beginning", b"\0GET /x HTTP/1.1")
line("byte order mark at the beginning", b"\xef\xbb\xbfGET /x HTTP/1.1")
line("CR at the beginning", b"\rGET /x HTTP/1.1")
line("LF at the beginning", b"\nGET /x HTTP/1.1")
line("no method", b"/x HTTP/1.1")
line("space for a method", b" /x HTTP/1.1")
line("no target", b"GET HTTP/1.1", VERSION)
line("empty target", b"GET  HTTP/1.1", VERSION)
line("version alone", b"HTTP/1.1")
line("an answer", b"HTTP/1.1 200 OK")
line("method with a colon", b"GET: /x HTTP/1.1")
line("method with NUL", b"GE\0T /x HTTP/1.1")
line("method with parentheses", b"GET() /x HTTP/1.1", METHOD)
line("method with a high byte", b"G\xc3\x8bT /x HTTP/1.1")
line("method with quotes", b"\"GET\" /x HTTP/1.1")
line("method without end", b"G" * 200 + b" /x HTTP/1.1", METHOD)
line("method glued to the target", b"GET/x HTTP/1.1")
line("method is a brace", b"{} /x HTTP/1.1")

line("CONNECT to a host", b"CONNECT h:443 HTTP/1.1", NOT_ALLOWED)
line("CONNECT to a path", b"CONNECT /x HTTP/1.1", METHOD)
line("CONNECT without a port", b"CONNECT h HTTP/1.1", METHOD)
line("CONNECT with a URL", b"CONNECT http://h/ HTTP/1.1", METHOD)
line("CONNECT to the model server", b"CONNECT 127.0.0.1:1234 HTTP/1.1", METHOD)
line("TRACE", b"TRACE /x HTTP/1.1", NOT_ALLOWED)
line("TRACE of a URL", b"TRACE http://h/x HTTP/1.1", NOT_ALLOWED)
line("TRACE of everything", b"TRACE * HTTP/1.1", METHOD)

whole("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VERSION + METHOD)
whole("TLS hello", b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + bytes(range(1, 33)) + b"\x00\x00\x04\x13\x01\x13\x02\x01\x00")
whole("PROXY header, text", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n", VERSION + METHOD)
whole("PROXY header, binary", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12) + b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
whole("SSH banner", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", VERSION + METHOD)
whole("SMTP hello", b"EHLO example.com\r\n\r\n", VERSION + METHOD)
whole("Redis", b"*1\r\n$4\r\nPING\r\n\r\n", VERSION + METHOD)
whole("JSON", b"{\"model\": \"m\"}\r\n\r\n", VERSION + METHOD)

# --- the target ---------------------------------------------------------------------------

target("fragment", b"/x#y")
target("empty fragment", b"/x#")
target("fragment after a query", b"/x?y#z")
target("userinfo", b"http://user:pass@h/x")
target("user alone", b"http://user@h/x")
target("empty userinfo", b"http://@h/x")
target("absolute, no host", b"http:///x")
target("absolute, empty host with a port", b"http://:80/x")
target("absolute, bad port", b"http://h:80x/x")
target("absolute, port out of range", b"http://h:65536/x")
target("absolute, bad brackets", b"http://[::1/x")
target("absolute, space in the host", b"http://h h/x")
target("absolute, backslash in the host", b"http://h\\x/x")
target("absolute, escape in the host", b"http://h%00/x")
target("absolute, ftp", b"ftp://h/x")
target("absolute, file", b"file:///etc/passwd")
target("absolute, javascript", b"javascript:x")
target("absolute, gopher", b"gopher://h:70/_x")
target("absolute, one slash", b"http:/x")
target("absolute, no slash", b"http:x")
target("absolute, no scheme", b"://h/x")
target("absolute, fragment", b"http://h/x#y")
target("no slash", b"x")
target("query alone", b"?x")
target("only dots", b"..")
target("host and port", b"h:80")
target("asterisk", b"*")
target("asterisk and path", b"*/x")
target("two asterisks", b"**")
target("backslash first", b"\\x")
target("backslash inside", b"/x\\y")
target("two backslashes", b"/\\\\h/x")
target("NUL", b"/x\0y")
target("space", b"/x y")
target("tab", b"/x\ty")
target("CR", b"/x\ry")
target("DEL", b"/x\x7fy")
target("escape character", b"/x\x1by")
target("raw UTF-8", b"/\xc3\xa9")
target("raw Latin-1", b"/\xe9")
target("raw high byte in the query", b"/x?\xff")
target("control in the query", b"/x?\x01")
target("NUL in the query", b"/x?\0")
target("escaped NUL", b"/x%00")
target("escaped NUL before an extension", b"/x%00.html")
target("escaped backslash", b"/x%5cy")
target("escaped backslash, upper case", b"/x%5Cy")
target("escaped backslash and dots", b"/x/..%5c..%5cy")
target("bad escape", b"/x%zz")
target("half an escape", b"/x%2")
target("lone percent", b"/x%")
target("percent before a slash", b"/%/x")
target("percent with a sign", b"/x%+1")
target("escape of IIS", b"/x%u002f")
target("overlong slash in two bytes", b"/x%c0%af")
target("overlong slash in three bytes", b"/x%e0%80%af")
target("overlong slash in four bytes", b"/x%f0%80%80%af")
target("overlong dot", b"/%c0%ae%c0%ae/x")
target("overlong NUL", b"/x%c0%80")
target("surrogate", b"/x%ed%a0%80")
target("UTF-8 beyond Unicode", b"/x%f4%90%80%80")
target("UTF-8 cut short", b"/x%c3")
target("UTF-8 cut by a letter", b"/x%e2%82y")
target("lone continuation byte", b"/x%80")
target("byte that no UTF-8 has", b"/x%ff")
target("two slashes first", b"//x")
target("two slashes inside", b"/x//y")
target("two slashes last", b"/x//")
target("dot segment first", b"/./x")
target("dot segment last", b"/x/.")
target("two dots first", b"/../x")
target("two dots inside", b"/x/../y")
target("two dots last", b"/x/..")
target("two dots far", b"/x/../../../../etc/passwd")
target("escaped dot segment", b"/%2e/x")
target("escaped two dots", b"/%2e%2e/x")
target("one dot of two escaped", b"/.%2e/x")
target("the other dot escaped", b"/%2E./x")
target("dots behind an escaped slash", b"/x%2f..%2fy")
target("dots before an escaped slash", b"/..%2fx")
target("dot before an escaped slash", b"/.%2Fx")
target("two escaped slashes", b"/x%2f%2fy")
target("escaped slash first", b"/%2fx")
target("slash and escaped slash", b"/x/%2fy")
target("dots with a parameter", b"/x/..;/y")
target("dots with a named parameter", b"/x/..;a=b/y")
target("dot with a parameter", b"/x/.;/y")
target("escaped dots with a parameter", b"/x/%2e%2e;/y")
target("absolute with two dots", b"http://h/../x")
target("absolute with two slashes", b"http://h//x")
target("absolute with an escaped NUL", b"http://h/%00")
target("longer than a head", b"/" + b"a" * 70000, (414, 431))
target("query longer than a head", b"/x?" + b"a" * 70000, (414, 431))

# --- ends of lines ------------------------------------------------------------------------

whole("LF ends the request line", b"GET /x HTTP/1.1\nHost: h\r\n\r\n")
whole("LF ends a field", b"GET /x HTTP/1.1\r\nHost: h\nX: y\r\n\r\n")
whole("LF ends the head", b"GET /x HTTP/1.1\r\nHost: h\r\n\n")
whole("LF ends the last field and the head", b"GET /x HTTP/1.1\r\nHost: h\n\n")
whole("LF everywhere", b"GET /x HTTP/1.1\nHost: h\n\n")
whole("CR ends the request line", b"GET /x HTTP/1.1\rHost: h\r\n\r\n")
whole("CR ends a field", b"GET /x HTTP/1.1\r\nHost: h\rX: y\r\n\r\n")
whole("CR ends the head", b"GET /x HTTP/1.1\r\nHost: h\r\n\rX")
whole("CR everywhere", b"GET /x HTTP/1.1\rHost: h\r\rX")
whole("CR CR LF ends a field", b"GET /x HTTP/1.1\r\nHost: h\r\r\n\r\n")
whole("CR CR LF ends the head", b"GET /x HTTP/1.1\r\nHost: h\r\n\r\r\n")
whole("LF CR ends a field", b"GET /x HTTP/1.1\r\nHost: h\n\rX: y\r\n\r\n")
whole("NUL before the end of the head", b"GET /x HTTP/1.1\r\nHost: h\r\n\0\r\n\r\n")
whole("vertical tab for CR", b"GET /x HTTP/1.1\r\nHost: h\x0b\nX: y\r\n\r\n")

# --- fields -------------------------------------------------------------------------------

for code in (*range(0x00, 0x09), 0x0b, 0x0c, *range(0x0e, 0x20), 0x7f):
    field(f"value with {char(code)}", b"X-Y: a" + bytes([code]) + b"b")
for code in (*b"\0\x01\t\r\x1f \"(),/;<=>?@[\\]{}\x7f\x80\xff",):
    field(f"name with {char(code)}", b"X" + bytes([code]) + b"Y: z")
field("control at a value's end", b"X-Y: a\x0b")
field("control at a value's beginning", b"X-Y:\x0ca")
field("NUL at a value's end", b"X-Y: a\0")
field("no name", b": x")
field("no name, no value", b":")
field("no colon", b"X-Y")
field("no colon but a space", b"X-Y z")
field("a request line as a field", b"GET /y HTTP/1.1")
field("space before the colon", b"X-Y : z")
field("tab before the colon", b"X-Y\t: z")
field("space before the colon of Content-Length", b"Content-Length : 0")
field("space before the colon of Transfer-Encoding", b"Transfer-Encoding : chunked")
field("tab before the colon of Transfer-Encoding", b"Transfer-Encoding\t: chunked")
field("space before the colon of Host", b"Host : h")
field("NUL before the colon of Transfer-Encoding", b"Transfer-Encoding\0: chunked")
field("folded by a space", b"X-Y: a", b" b")
field("folded by a tab", b"X-Y: a", b"\tb")
field("folded to nothing", b"X-Y: a", b" ")
field("folded value from the start", b"X-Y:", b" a")
field("folded Transfer-Encoding", b"Transfer-Encoding:", b" chunked")
field("folded Content-Length", b"Content-Length:", b" 5")
field("folded into a field", b"X-Y: a", b" Transfer-Encoding: chunked")
whole("folded Host", b"GET /x HTTP/1.1\r\nHost:\r\n h\r\n\r\n")
whole("space before the first field", b"GET /x HTTP/1.1\r\n Host: h\r\n\r\n")
whole("tab before the first field", b"GET /x HTTP/1.1\r\n\tHost: h\r\n\r\n")
whole("line of spaces before the first field", b"GET /x HTTP/1.1\r\n  \r\nHost: h\r\n\r\n")
whole("NUL before the first field", b"GET /x HTTP/1.1\r\n\0Host: h\r\n\r\n")
whole("CR before the first field", b"GET /x HTTP/1.1\r\n\rHost: h\r\n\r\n")

field("101 fields", *(b"X-%d: y" % i for i in range(100)), right=HEAD_TOO_LARGE)
field("1000 fields", *(b"X-%d: y" % i for i in range(1000)), right=HEAD_TOO_LARGE)
field("101 fields of one name", *(b"X: y" for _ in range(100)), right=HEAD_TOO_LARGE)
field("value longer than a head", b"X-Y: " + b"a" * 70000, right=HEAD_TOO_LARGE)
field("name longer than a head", b"X" * 70000 + b": y", right=HEAD_TOO_LARGE)
field("fields longer than a head", *(b"X-%d: " % i + b"y" * 1000 for i in range(80)), right=HEAD_TOO_LARGE)
field("Expect: nothing known", b"Expect: 200-ok", right=EXPECTATION)
field("Expect: two things", b"Expect: 100-continue, x", right=EXPECTATION)
field("Expect: empty", b"Expect:", right=EXPECTATION)
field("Expect: with a parameter", b"Expect: 100-continue;q=1", right=EXPECTATION)
field("Expect twice, one unknown", b"Expect: 100-continue", b"Expect: x", right=EXPECTATION)

# --- Host ---------------------------------------------------------------------------------

host("none")
host("none, but a name like it", b"Hosts: h")
host("none, but one with an underscore", b"X_Host: h")
host("none, absolute-form alone", b"X: y")
host("two the same", b"Host: h", b"Host: h")
host("two", b"Host: h", b"Host: other")
host("two in other case", b"Host: h", b"hOST: other")
host("two, one empty", b"Host: h", b"Host:")
host("empty", b"Host:")
host("list", b"Host: h, other")
host("two words", b"Host: h other")
host("tab inside", b"Host: h\tother")
host("path", b"Host: h/x")
host("URL", b"Host: http://h")
host("userinfo", b"Host: user@h")
host("query", b"Host: h?x")
host("fragment", b"Host: h#x")
host("backslash", b"Host: h\\x")
host("NUL", b"Host: h\0x")
host("control", b"Host: h\x01")
host("raw high byte", b"Host: \xe9")
host("quotes", b"Host: \"h\"")
host("brackets of HTML", b"Host: <h>")
host("braces", b"Host: {h}")
host("port alone", b"Host: :80")
host("port of letters", b"Host: h:http")
host("port with a sign", b"Host: h:+80")
host("port below zero", b"Host: h:-1")
host("port out of range", b"Host: h:65536")
host("port far out of range", b"Host: h:4294967376")
host("port with a space", b"Host: h: 80")
host("two ports", b"Host: h:80:80")
host("IPv6 without brackets", b"Host: ::1")
host("IPv6, bracket open", b"Host: [::1")
host("IPv6, bracket closed", b"Host: ::1]")
host("IPv6, empty", b"Host: []")
host("IPv6, letters", b"Host: [zz]")
host("IPv6, too long", b"Host: [1:2:3:4:5:6:7:8:9]")
host("IPv6, something behind", b"Host: [::1]x")
host("IPv6, something before", b"Host: x[::1]")
host("escaped NUL", b"Host: h%00")
whole("host: absolute-form without one", b"GET http://h/x HTTP/1.1\r\n\r\n")
whole("host: absolute-form with two", b"GET http://h/x HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n")
whole("host: absolute-form with a bad one", b"GET http://h/x HTTP/1.1\r\nHost: a b\r\n\r\n")

# --- framing ------------------------------------------------------------------------------

for value in (b"+5", b"-5", b"-0", b"+0", b"5 5", b"5\t5", b"5,5", b"5, 5", b"5, 6", b",5", b"5,", b"", b" ", b"a", b"5a",
              b"a5", b"0x5", b"5;", b"5.0", b"5e0", b"\"5\"", b"5_0", b"\xb2", b"\xd9\xa5", b"5\x0b", b"NaN", b"5/5",
              b"9223372036854775808", b"18446744073709551616", b"18446744073709551621", b"4294967296000000000000000",
              b"9" * 100, b"0" * 5000 + b"x"):
    text = repr(value)[2:-1]
    framed(f"Content-Length: {text if len(text) < 30 else text[:9] + '… ' + str(len(value))}",
           b"Content-Length: " + value, body=b"hello")
framed("Content-Length twice", b"Content-Length: 5", b"Content-Length: 6", body=b"hello")
framed("Content-Length twice the same", b"Content-Length: 5", b"Content-Length: 5", body=b"hello")
framed("Content-Length twice in other case", b"Content-Length: 5", b"content-length: 0", body=b"hello")
framed("Content-Length twice, one empty", b"Content-Length: 5", b"Content-Length:", body=b"hello")
framed("Content-Length twice, far apart", b"Content-Length: 5", *(b"X: y",) * 20, b"Content-Length: 4", body=b"hello")
framed("Content-Length and a list", b"Content-Length: 5", b"Content-Length: 5, 5", body=b"hello")

framed("both: length first", b"Content-Length: 5", b"Transfer-Encoding: chunked")
framed("both: coding first", b"Transfer-Encoding: chunked", b"Content-Length: 5")
framed("both: length 0", b"Content-Length: 0", b"Transfer-Encoding: chunked")
framed("both: other case", b"cOnTeNt-lEnGtH: 5", b"tRaNsFeR-eNcOdInG: cHuNkEd")
framed("both: bad length", b"Content-Length: x", b"Transfer-Encoding: chunked")
framed("both: coding nominated away", b"Connection: transfer-encoding", b"Content-Length: 5", b"Transfer-Encoding: chunked")
framed("both: unknown coding", b"Content-Length: 5", b"Transfer-Encoding: x", right=CODING)
framed("both: identity", b"Content-Length: 5", b"Transfer-Encoding: identity", right=CODING)
framed("both: empty coding", b"Content-Length: 5", b"Transfer-Encoding:", right=CODING)

for value in (b"identity", b"gzip", b"deflate", b"compress", b"br", b"trailers", b"x", b"xchunked", b"chunkedx", b"chunke",
              b"chunk", b"chunked x", b"x chunked", b"chunked, chunked", b"chunked,chunked", b"chunked, identity",
              b"identity, chunked", b"chunked, gzip", b"gzip, chunked", b"gzip, deflate, chunked", b"chunked;q=1", b"chunked;",
              b"chunked; x=y", b"\"chunked\"", b"'chunked'", b"chunked,", b",chunked", b", chunked", b"", b" ", b",",
              b"\x0bchunked", b"chunked\x0c", b"chunked\0", b"\0chunked", b"\xa0chunked", b"chunked\x01", b"chun\xc4\xb7ed",
              b"chunked\t,", b"(x) chunked", b"chunked=", b"Chunked/1"):
    framed(f"Transfer-Encoding: {repr(value)[2:-1]}", b"Transfer-Encoding: " + value, right=CODING)
framed("Transfer-Encoding twice", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", right=CODING)
framed("Transfer-Encoding twice, identity last", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", right=CODING)
framed("Transfer-Encoding twice, identity first", b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked", right=CODING)
framed("Transfer-Encoding twice, one empty", b"Transfer-Encoding:", b"Transfer-Encoding: chunked", right=CODING)
framed("Transfer-Encoding twice, one gzip", b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked", right=CODING)
framed("Transfer-Encoding: CR inside", b"Transfer-Encoding: chun\rked")
framed("Transfer-Encoding: LF before", b"X: y\nTransfer-Encoding: chunked")
framed("Transfer-Encoding in a folded field", b"X: y", b" Transfer-Encoding: chunked")
whole("Transfer-Encoding in 1.0", b"POST /x HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, CODING)
whole("Transfer-Encoding and length in 1.0", b"POST /x HTTP/1.0\r\nHost: h\r\nContent-Length: 5\r\n"
      b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, CODING)
whole("GET with both", b"GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED)
whole("GET with two lengths", b"GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 35\r\nContent-Length: 0\r\n\r\n" + SMUGGLED)
whole("HEAD with both", b"HEAD /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED)
whole("body longer than allowed", b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n" + b"a" * 65537, TOO_LARGE)
whole("body far longer than allowed", b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: 9223372036854775807\r\n\r\na", TOO_LARGE)

# --- chunked bodies -----------------------------------------------------------------------

END = b"0\r\n\r\n"
for size in (b"", b" ", b"g", b"x5", b"0x5", b"0X5", b"+5", b"-5", b" 5", b"\t5", b"5 ", b"5\t", b"5 5", b"5,", b"5.0", b"'5'",
             b"5\0", b"\x005", b"5\x0b", b"5_", b"5h", b"\xb5", b"5:", b"5=a", b"5 a", b"5\xa0"):
    chunked(f"size {repr(size)[2:-1]}", size + b"\r\nhello\r\n" + END)
chunked("size of 17 digits", b"10000000000000005\r\nhello\r\n" + END)
chunked("size of 16 digits", b"ffffffffffffffff\r\nhello\r\n" + END, BAD + TOO_LARGE)
chunked("size below zero in 64 bits", b"fffffffffffffffb\r\nhello\r\n" + END, BAD + TOO_LARGE)
chunked("size that overflows to 5", b"f0000000000000005\r\nhello\r\n" + END)
chunked("LF ends the size", b"5\nhello\r\n" + END)
chunked("CR ends the size", b"5\rhello\r\n" + END)
chunked("CR CR LF ends the size", b"5\r\r\nhello\r\n" + END)
chunked("LF ends the data", b"5\r\nhello\n" + END)
chunked("CR ends the data", b"5\r\nhello\r" + END)
chunked("nothing ends the data", b"5\r\nhello" + END)
chunked("two bytes for CRLF", b"5\r\nhelloXX" + END)
chunked("data too long", b"5\r\nhello!\r\n" + END)
chunked("data too short", b"5\r\nhell\r\n" + END)
chunked("one CRLF too many", b"5\r\nhello\r\n\r\n" + END)
chunked("LF ends the last size", b"5\r\nhello\r\n0\n\r\n")
chunked("LF ends the body", b"5\r\nhello\r\n0\r\n\n")
chunked("LF LF ends the body", b"5\r\nhello\r\n0\n\n")
chunked("CR ends the body", b"5\r\nhello\r\n0\r\n\rX")
chunked("something after the last chunk", b"5\r\nhello\r\n0\r\nGET /smuggled HTTP/1.1\r\n\r\n")
chunked("extension with CR", b"5;a\rb\r\nhello\r\n" + END)
chunked("extension with LF", b"5;a\nhello\r\n" + END)
chunked("extension with NUL", b"5;a\0b\r\nhello\r\n" + END)
chunked("extension with a control byte", b"5;a\x01b\r\nhello\r\n" + END)
chunked("extension too long", b"5;" + b"a" * 70000 + b"\r\nhello\r\n" + END, BAD + TOO_LARGE + HEAD_TOO_LARGE)
chunked("extensions too many", b"".join(b"1;" + b"a" * 500 + b"\r\nx\r\n" for _ in range(400)) + END, BAD + TOO_LARGE + HEAD_TOO_LARGE)
chunked("trailer with LF", b"0\r\nX: y\n\r\n")
chunked("trailer with NUL", b"0\r\nX: y\0\r\n\r\n")
chunked("trailer with a control byte", b"0\r\nX: \x01\r\n\r\n")
chunked("trailer with a space before the colon", b"0\r\nX : y\r\n\r\n")
chunked("trailer without a name", b"0\r\n: y\r\n\r\n")
chunked("trailer without a colon", b"0\r\nXY\r\n\r\n")
chunked("trailer folded", b"0\r\nX: y\r\n z\r\n\r\n")
chunked("trailer with a space first", b"0\r\n X: y\r\n\r\n")
chunked("trailer too long", b"0\r\nX: " + b"y" * 70000 + b"\r\n\r\n", BAD + HEAD_TOO_LARGE)
chunked("trailers too many", b"0\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(1000)) + b"\r\n", BAD + HEAD_TOO_LARGE)
chunked("body longer than allowed", b"".join(b"1000\r\n" + b"a" * 4096 + b"\r\n" for _ in range(17)) + END, TOO_LARGE, b"/v1/completions")
chunked("one chunk longer than allowed", b"10001\r\n" + b"a" * 65537 + b"\r\n" + END, TOO_LARGE, b"/v1/completions")

# --- cut off by the client ----------------------------------------------------------------

unfinished("a letter", b"G")
unfinished("a method", b"GET ")
unfinished("a request line", b"GET /x HTTP/1.1\r\n")
unfinished("half a field", b"GET /x HTTP/1.1\r\nHost: h")
unfinished("no empty line", b"GET /x HTTP/1.1\r\nHost: h\r\n")
unfinished("half an empty line", b"GET /x HTTP/1.1\r\nHost: h\r\n\r")
unfinished("no body", b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n")
unfinished("half a body", b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel")
unfinished("no chunk", b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
unfinished("half a size", b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5")
unfinished("half a chunk", b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
unfinished("no last chunk", b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
unfinished("half a last chunk", b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n")
unfinished("half a trailer", b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n")
unfinished("chunk of 63 bits", b"POST /v1/models HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nhello\r\n0\r\n\r\n")
unfinished("chunk over 32 bits", b"POST /v1/models HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n100000005\r\nhello\r\n0\r\n\r\n")

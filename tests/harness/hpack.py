"""HPACK (RFC 7541), both ways: a decoder for answers that forgives nothing, and an encoder whose every form
is chosen by hand, so that a test can send what no library would."""

STATIC = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
    (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
    (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
    ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
    ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""),
    ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""),
    ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""),
    ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
    ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
    ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""), ("via", ""),
    ("www-authenticate", ""),
]

# How many bits each byte has, and last the end of the string. The code is canonical: shorter ones first,
# within a length by the byte, so that the lengths are all there is to know. "LENGTH*COUNT" is a run.
_LENGTHS = (
    "13 23 28*7 24 30 28*2 30 28*8 30 28*9 "
    "6 10*2 12 13 6 8 11 10*2 8 11 8 6*3 5*3 6*7 7 8 15 6 12 10 "
    "13 6 7*22 8 7 8 13 19 13 14 6 "
    "15 5 6 5 6 5 6*3 5 7*2 6*3 5 6 7 6 5*2 6 7*5 15 11 14 13 28 "
    "20 22 20*2 22*3 23 22 23*5 24 23 24*2 22 23 24 23*4 21 22 23 22 23*2 24 "
    "22 21 20 22*2 23*2 21 23 22*2 24 21 22 23*2 21*2 22 21 23 22 23*2 20 22*3 23 22*2 23 "
    "26*2 20 19 22 23 22 25 26*3 27*2 26 24 25 19 21 26 27*2 26 27 24 21*2 26*2 28 27*3 "
    "20 24 20 21 22 21*2 23 22*2 25*2 24*2 26 23 26 27 26*2 27*5 28 27*5 26 "
    "30")
END = 256


def _codes():
    lengths = []
    for run in _LENGTHS.split():
        length, _, count = run.partition("*")
        lengths += [int(length)] * int(count or 1)
    assert len(lengths) == 257
    codes, code, before = {}, 0, 0
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(lengths)):
        code <<= length - before
        codes[symbol] = (length, code)
        code, before = code + 1, length
    assert code == 1 << before, "a code that leaves no bits unused"
    return codes


CODES = _codes()
_SYMBOLS = {key: symbol for symbol, key in CODES.items()}


class Wrong(Exception):
    """Bytes that are not HPACK."""


# --- bytes ----------------------------------------------------------------------------------

def _bytes(text):
    return text if isinstance(text, (bytes, bytearray)) else text.encode("latin-1")


def integer(value, bits, first=0):
    """A number in the low `bits` of a byte whose others are `first`, and as many more as it takes."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = bytearray([first | most]), value - most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def huffman(data):
    bits = size = 0
    for byte in _bytes(data):
        length, code = CODES[byte]
        bits, size = bits << length | code, size + length
    pad = -size % 8
    return (bits << pad | (1 << pad) - 1).to_bytes((size + pad) // 8, "big")


def string(text, coded=False):
    data = huffman(text) if coded else _bytes(text)
    return integer(len(data), 7, 128 if coded else 0) + data


# --- fields, each form by its name ------------------------------------------------------------

def indexed(index):
    return integer(index, 7, 0x80)


def literal(name, value, coded=False):
    """Without indexing. A number for a name is an index."""
    return _literal(name, value, 4, 0x00, coded)


def never(name, value, coded=False):
    return _literal(name, value, 4, 0x10, coded)


def keep(name, value, coded=False):
    """With incremental indexing: it is in the table from then on."""
    return _literal(name, value, 6, 0x40, coded)


def _literal(name, value, bits, first, coded):
    if isinstance(name, int):
        return integer(name, bits, first) + string(value, coded)
    return bytes([first]) + string(name, coded) + string(value, coded)


def resize(size):
    """A dynamic table size update."""
    return integer(size, 5, 0x20)


def block(fields):
    """Fields as they are, all as literals. Bytes in the list go in as they are."""
    return b"".join(f if isinstance(f, (bytes, bytearray)) else literal(*f) for f in fields)


# --- reading ---------------------------------------------------------------------------------

def unhuffman(data):
    out, code, length = bytearray(), 0, 0
    for byte in data:
        for shift in range(7, -1, -1):
            code, length = code << 1 | byte >> shift & 1, length + 1
            symbol = _SYMBOLS.get((length, code))
            if symbol is not None:
                if symbol == END:
                    raise Wrong("the end of the string inside of it")
                out.append(symbol)
                code = length = 0
    if length > 7 or code != (1 << length) - 1:
        raise Wrong("padding that is not the beginning of the end of the string")
    return bytes(out)


class Decoder:
    """One direction of a connection. `limit` is what this side told as SETTINGS_HEADER_TABLE_SIZE."""

    def __init__(self, limit=4096):
        self.limit = self.size = limit
        self.table = []     # newest first

    @property
    def used(self):
        return sum(len(n) + len(v) + 32 for n, v in self.table)

    def _shrink(self):
        while self.used > self.size:
            self.table.pop()

    def _look(self, index):
        if 1 <= index <= len(STATIC):
            return STATIC[index - 1]
        if not 0 < index - len(STATIC) <= len(self.table):
            raise Wrong(f"no field has the index {index}")
        return self.table[index - len(STATIC) - 1]

    def decode(self, data):
        """The fields of a whole block, as (name, value) in latin-1."""
        fields, at = [], 0

        def number(bits):
            nonlocal at
            most = (1 << bits) - 1
            value = data[at] & most
            at += 1
            if value < most:
                return value
            shift = 0
            while True:
                byte = data[at]
                at += 1
                value += (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value
                if shift > 35:
                    raise Wrong("a number without end")

        def text():
            nonlocal at
            coded = data[at] & 128
            size = number(7)
            if at + size > len(data):
                raise Wrong("a string longer than its block")
            part = bytes(data[at:at + size])
            at += size
            return (unhuffman(part) if coded else part).decode("latin-1")
        try:
            while at < len(data):
                first = data[at]
                if first & 0x80:
                    fields.append(self._look(number(7)))
                elif first & 0xe0 == 0x20:
                    size = number(5)
                    if fields or size > self.limit:
                        raise Wrong(f"a table size update to {size}, limit {self.limit}, after {len(fields)} fields")
                    self.size = size
                    self._shrink()
                else:
                    index = number(6 if first & 0x40 else 4)
                    name = self._look(index)[0] if index else text()
                    fields.append((name, text()))
                    if first & 0x40:
                        self.table.insert(0, fields[-1])
                        self._shrink()
        except IndexError:
            raise Wrong("a block that ends inside a field") from None
        return fields

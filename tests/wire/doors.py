"""Spellings of /v1 that a careless gateway or server might take for it."""

import re
from urllib.parse import unquote_to_bytes

SPELLINGS = [
    # case
    "/V1", "/V1/models", "/v1/MODELS", "/V1/", "/%561", "/%561/models",
    # empty segments
    "//v1", "///v1/models", "//v1//models", "/v1//models", "/v1//", "/v1/models//", "//V1/models", "/%2fv1", "/%2Fv1/models",
    # dot segments
    "/./v1", "/./v1/models", "/v1/.", "/v1/./models", "/foo/../v1", "/foo/../v1/models", "/foo/bar/../../v1/models",
    "/../v1", "/../../v1/models", "/v1/../v1/models", "/v1/models/..", "/v1/..", "/v2/../v1", "/v10/../v1/models",
    "/v1/../../v1", "/.%2e/v1", "/%2e/v1/models", "/%2e%2e/v1/models", "/foo/%2e%2e/v1", "/foo/.%2E/v1/models",
    "/foo/%2e./v1/models", "/v1/%2e/models", "/static/..%2fv1", "/static/..%2Fv1/models", "/static%2f..%2fv1",
    "/static%2F..%2Fv1%2Fmodels", "/..%2fv1", "/.%2fv1/models", "/foo/..;/v1/models", "/foo/..;x=y/v1", "/.;/v1", "/;/v1/models",
    "/foo/%2e%2e;/v1/models", "/foo;/../v1/models",
    # parameters
    "/v1;x", "/v1;x/models", "/v1;/models", "/v1;a=b", "/v1/models;x", "/v1%3bx", "/v1%3Bx/models", "/;v1", "/v1;/../v1/models",
    # dots and blanks at the end
    "/v1.", "/v1./", "/v1./models", "/v1..", "/v1%2e", "/v1%20", "/v1%20/models", "/%20v1", "/v1%09", "/v1/models%20",
    # escapes
    "/%761", "/%76%31", "/v%31", "/v%31/models", "/%76%31/%6d%6f%64%65%6c%73", "/%76%31%2fmodels", "/v1%2fmodels", "/v1%2Fmodels",
    "/v1%2f", "/v1%2f%2fmodels", "/v1%2f..%2fv1", "/%2576%2531", "/%25761/models", "/v1%252fmodels", "/v1/%6dodels",
    # backslashes
    "\\v1", "/\\v1", "/v1\\models", "/v1\\", "/foo\\..\\v1", "/%5cv1", "/%5Cv1/models", "/v1%5cmodels", "/foo/..%5cv1", "/foo%5c..%5cv1",
    # NUL, controls, line ends
    "/v1%00", "/v1%00/models", "/%00/v1", "/%00v1", "/v1%0a", "/v1%0d%0a/models", "/%0av1", "/v1%7f", "/v1%01/models",
    # other encodings of the same letters
    "/%c1%b61", "/%c1%b6%c0%b1", "/v%c0%b1", "/%e0%81%b61", "/%c0%afv1", "/%c0%ae%c0%ae/v1", "/%u0076%u0031", "/%u002fv1", "/%ef%bd%961",
    "/%ef%bc%8fv1", "/v%ef%bc%91", "/%0076", "/v1%c0%80",
    # queries and fragments
    "/v1?", "/v1?x", "/v1?/../x", "/v1#", "/v1#x", "/foo?/../v1", "/v1%3f", "/v1%3fx/models", "/v1%23",
    # other forms of a target
    "http://h/v1", "http://h/v1/models", "HTTP://h/v1", "https://h/v1/models", "http://h//v1", "http://h/./v1", "http://h/V1",
    "http://h/foo/../v1", "http://h%2fv1", "http://h?/v1", "http://h/%761", "http://h\\v1", "http://h@h/v1", "http://h:80/v1",
    "http:/v1", "http:///v1", "v1", "v1/models", "./v1", "../v1", "*/v1", "?/v1", "h/v1",
]


def settled(path):
    """What the most forgiving of servers would make of a path: escapes undone, letters small, back-
    slashes for slashes, parameters and trailing dots gone, empty and dot segments resolved."""
    path = re.sub(r"(?i)^https?://[^/]*", "", path)
    path = re.split(r"[?#]", path)[0]
    path = unquote_to_bytes(path).decode("latin-1").lower().replace("\\", "/").split("\0")[0]
    segments = []
    for segment in path.split("/"):
        segment = segment.split(";")[0]
        if segment == "..":
            segments[-1:] = []
        elif segment.rstrip("."):
            segments.append(segment.rstrip("."))
    return "/" + "/".join(segments)


def is_v1(path):
    return (settled(path) + "/").startswith("/v1/")

"""Certificates of a private authority, by the openssl command line: a root, and leaves that it signs."""

import os
import ssl
import subprocess
from pathlib import Path

KINDS = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"], "rsa": ["-newkey", "rsa:2048"],
         "ec384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"], "rsa1024": ["-newkey", "rsa:1024"]}

IGNORE_UNEXPECTED_EOF = 1 << 7      # openssl/ssl.h; Python has a name for it from 3.12 on


def _openssl(*arguments, cwd):
    done = subprocess.run(["openssl", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Authority:
    """A root with its folder. `leaf` makes a key and a certificate, `context` what a client needs to trust it."""

    def __init__(self, folder, name="Test Root"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = self.folder / "root.pem"
        _openssl("req", "-x509", *KINDS["ec"], "-nodes", "-keyout", "root.key", "-out", "root.pem", "-days", 30, "-subj",
                 f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
                 cwd=self.folder)

    def leaf(self, *names, kind="ec", days=10, file=None):
        """(certificate, key) as paths. A name that is an address is one in the certificate too."""
        stem = file or names[0].replace("*", "any")
        alternatives = ",".join(("IP:" if n.replace(".", "").isdigit() or ":" in n else "DNS:") + n for n in names)
        _openssl("req", "-new", *KINDS[kind], "-nodes", "-keyout", f"{stem}.key", "-out", f"{stem}.csr", "-subj", f"/CN={names[0]}",
                 cwd=self.folder)
        (self.folder / f"{stem}.ext").write_text(
            f"subjectAltName={alternatives}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
        _openssl("x509", "-req", "-in", f"{stem}.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-out", f"{stem}.pem",
                 "-days", days, "-extfile", f"{stem}.ext", cwd=self.folder)
        os.chmod(self.folder / f"{stem}.key", 0o600)
        return self.folder / f"{stem}.pem", self.folder / f"{stem}.key"

    def context(self, alpn=("h2",), version=None, check=True):
        """For a client that trusts this authority alone. version: TLSv1_2 or TLSv1_3, and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.certificate)
        if not check:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        # Python lets OpenSSL take an end without close_notify for a good one. Here it is a cut.
        context.options &= ~IGNORE_UNEXPECTED_EOF
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if version:
            context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
        return context


def der(path):
    return ssl.PEM_cert_to_DER_cert(Path(path).read_text())


def replace(certificate, by):
    """Puts another (certificate, key) in the place of one, as a renewal does: each file whole at once, the key first."""
    for old, new in zip(certificate[::-1], by[::-1]):
        fresh = Path(str(old) + ".new")
        fresh.write_bytes(Path(new).read_bytes())
        fresh.chmod(0o600)
        os.replace(fresh, old)

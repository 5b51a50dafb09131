"""Certificates of a test's own: an authority, a server, a client; made by openssl(1)."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificates:
    """``server`` and ``client`` are folders with ca.pem, cert.pem and key.pem, as Docker names them."""

    ca: Path
    server: Path
    client: Path


def _openssl(*args: str) -> None:
    done = subprocess.run(["openssl", *args], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {args[0]}: {done.stderr}")


def _key(path: Path) -> None:
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(path))


def make_certificates(folder: Path, name: str = "tests", *, address: str = "127.0.0.1") -> Certificates:
    """The server's is for ``address``, ::1 and localhost; everything ends tomorrow."""
    folder.mkdir(parents=True, exist_ok=True)
    ca, ca_key = folder / "ca.pem", folder / "ca-key.pem"
    _key(ca_key)
    _openssl(
        "req", "-x509", "-new", "-key", str(ca_key), "-days", "1", "-subj", f"/CN={name} CA", "-out", str(ca)
    )
    made = {}
    for who, usage in (("server", "serverAuth"), ("client", "clientAuth")):
        place = made[who] = folder / who
        place.mkdir()
        _key(place / "key.pem")
        request, extensions = folder / f"{who}.csr", folder / f"{who}.ext"
        _openssl("req", "-new", "-key", str(place / "key.pem"), "-subj", f"/CN={who}", "-out", str(request))
        extensions.write_text(f"extendedKeyUsage={usage}\nsubjectAltName=IP:{address},IP:::1,DNS:localhost\n")
        _openssl(
            "x509", "-req", "-in", str(request), "-CA", str(ca), "-CAkey", str(ca_key), "-CAcreateserial",
            "-days", "1", "-extfile", str(extensions), "-out", str(place / "cert.pem"),
        )  # fmt: skip
        (place / "ca.pem").write_bytes(ca.read_bytes())
    return Certificates(ca, made["server"], made["client"])

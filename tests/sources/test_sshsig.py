"""Signatures that ssh-keygen makes, and those that are none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from phonotheque.model.errors import UsageError, VerificationError
from phonotheque.sources.sshsig import NAMESPACE, public_keys, verify

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not here")


def make_key(folder: Path, name: str = "key", kind: str = "ed25519", *more: str) -> Path:
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", kind, *more, "-N", "", "-C", "me", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def sign(key: Path, file: Path, namespace: str = NAMESPACE) -> Path:
    signature = file.with_name(f"{file.name}.sig")
    signature.unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", namespace, str(file)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return signature


@needs_ssh
@pytest.mark.parametrize(
    "kind",
    [
        ("ed25519",),
        ("rsa", "-b", "2048"),
        ("ecdsa", "-b", "256"),
        ("ecdsa", "-b", "384"),
        ("ecdsa", "-b", "521"),
    ],
)
def test_what_ssh_keygen_signs_verifies(tmp_path: Path, kind: tuple[str, ...]) -> None:
    key, message = make_key(tmp_path, "key", *kind), tmp_path / "agreement.toml"
    message.write_bytes(b"what was agreed\n")
    signature = sign(key, message).read_bytes()
    keys = public_keys((tmp_path / "key.pub").read_bytes())
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(tmp_path / "key.pub")], check=True, capture_output=True, text=True
    )
    assert verify(message.read_bytes(), signature, keys) == shown.stdout.split()[1]
    with pytest.raises(VerificationError, match="changed since it was signed"):
        verify(b"what was agreed, and more\n", signature, keys)


@needs_ssh
def test_signatures_that_are_not_accepted(tmp_path: Path) -> None:
    key, other, message = make_key(tmp_path), make_key(tmp_path, "other"), tmp_path / "a.toml"
    message.write_bytes(b"what was agreed\n")
    keys = public_keys((tmp_path / "key.pub").read_bytes())
    by_another = sign(other, message).read_bytes()
    with pytest.raises(VerificationError, match=r"is by the key SHA256:.*, not by SHA256:"):
        verify(message.read_bytes(), by_another, keys)
    both = [*keys, *public_keys((tmp_path / "other.pub").read_bytes())]
    assert verify(message.read_bytes(), by_another, both).startswith("SHA256:")
    for_mail = sign(key, message, "file").read_bytes()
    with pytest.raises(VerificationError, match="made for “file”"):
        verify(message.read_bytes(), for_mail, keys)
    right = sign(key, message).read_bytes()
    lines = right.splitlines(keepends=True)
    with pytest.raises(VerificationError, match="is damaged"):
        verify(message.read_bytes(), b"".join([*lines[:2], *lines[4:]]), keys)
    for cut in (
        b"",
        b"RUBBISH",
        right[:40] + b" " * 70_000 + right[40:],
        right[:60],
        right.replace(b"U1NI", b"U1NJ", 1),
    ):
        with pytest.raises(VerificationError, match="no SSH signature"):
            verify(message.read_bytes(), cut, keys)


@needs_ssh
def test_every_byte_of_a_signature_counts(tmp_path: Path) -> None:
    import base64

    key, message = make_key(tmp_path), tmp_path / "a.toml"
    message.write_bytes(b"what was agreed\n")
    keys = public_keys((tmp_path / "key.pub").read_bytes())
    begin, *body, end = sign(key, message).read_bytes().splitlines()
    data = base64.b64decode(b"".join(body))
    for at in range(len(data)):
        wrong = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises(VerificationError):
            verify(message.read_bytes(), b"\n".join([begin, base64.b64encode(wrong), end]), keys)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"sk-ssh-ed25519@openssh.com AAAA me", "no kind of public key"),
        (b"ssh-dss AAAA me", "no kind of public key"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----", "no kind of public key"),
        (b"ssh-ed25519 %%% me", "damaged"),
        (b"# nothing\n\n", "holds none"),
    ],
)
def test_keys_that_are_not_read(line: bytes, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        verify(b"", b"", public_keys(line))

"""A mail through an SMTP server (RFC 5321), over TLS that is verified, one connection for many mails.

MAIL, RCPT and DATA are driven one by one, so that it is known how far a mail came when something breaks:

    connecting, TLS, login, MAIL, RCPT, DATA   anything that breaks: surely not sent, try again
        421                                    the server wants less of us: try again later
        5xx to MAIL, RCPT, DATA                refused for good, unless it is about the login
    the message itself
        4xx, 5xx                               surely not accepted: try again, or refused for good
        silence, a dropped line, nonsense      nobody knows: ambiguous
"""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import suppress
from typing import Literal

from aiosmtplib import SMTP
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from engine.core.messages import Email
from engine.dispatch.mime import ascii_address, to_bytes
from engine.dispatch.port import Receipt
from engine.errors import DeliveryError

Tls = Literal["starttls", "implicit", "none"]
_BACK_OFF = 300.0  # seconds; a server that says 421, or does not let us in, will not change its mind at once
_LOGIN = frozenset((530, 534, 535, 538))  # RFC 4954: authentication is required or failed, not a word about the mail
_LEADING_DOT = re.compile(rb"(?m)^\.")


class Smtp:
    """A server: `host`:`port`. Belongs to one event loop until it is closed.

    tls: ``starttls`` (never without it), ``implicit`` (TLS from the first byte) or ``none`` (a relay on this machine;
    refused together with a password). tls_context: None verifies against the system's certificates. timeout: seconds
    for each answer; patience: seconds for the last one, which a server may take its time for (RFC 5321, 4.5.3.2.6).
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: Tls = "starttls",
        user: str = "",
        password: str = "",
        tls_context: ssl.SSLContext | None = None,
        timeout: float = 60.0,
        patience: float = 300.0,
    ) -> None:
        if tls == "none" and (user or password):
            raise ValueError("a password goes over TLS only: set tls to starttls or implicit")
        self._host, self._port, self._tls = host, port, tls
        self._user, self._password = user, password
        self._context = tls_context or (None if tls == "none" else ssl.create_default_context())
        self._timeout, self._patience = timeout, patience
        self._client: SMTP | None = None
        self._lock = asyncio.Lock()

    async def send(self, email: Email) -> Receipt:
        """Hand it to the server; the reference is the server's last word, in which most name their queue id."""
        content = _LEADING_DOT.sub(b"..", to_bytes(email)) + b".\r\n"
        sender, recipient = ascii_address(email.sender_address), ascii_address(email.to_address)
        async with self._lock:
            try:
                return await self._hand_over(await self._envelope(sender, recipient), content)
            except BaseException:  # a half-finished dialogue must not meet the next mail
                self._drop()
                raise

    async def close(self) -> None:
        """Say goodbye and let go of the connection."""
        if self._client is not None:
            with suppress(SMTPException, OSError):
                await self._client.quit(timeout=5)
            self._drop()

    async def _envelope(self, sender: str, recipient: str) -> SMTP:
        """A connection that waits for the message. Raises DeliveryError for what was surely not sent."""
        try:
            client = await self._begin(sender)
            await client.rcpt(recipient)
            answer = await client.execute_command(b"DATA")
            if answer.code != 354:
                raise SMTPDataError(answer.code, answer.message)
        except (SMTPException, OSError) as error:
            raise self._not_sent(error) from None
        return client

    async def _begin(self, sender: str) -> SMTP:
        """A connection on which MAIL was accepted; one that the server gave up while it was idle is replaced once."""
        if self._client is not None and self._client.is_connected:
            try:
                await self._client.mail(sender)
            except SMTPSenderRefused as error:
                if error.code != 421:
                    raise
            except (SMTPServerDisconnected, SMTPTimeoutError):
                pass
            else:
                return self._client
        self._drop()
        self._client = SMTP(
            hostname=self._host,
            port=self._port,
            local_hostname=sender.rpartition("@")[2],
            timeout=self._timeout,
            use_tls=self._tls == "implicit",
            start_tls=self._tls == "starttls",
            tls_context=self._context,
        )
        await self._client.connect()
        if self._user:
            await self._login(self._client)
        await self._client.mail(sender)
        return self._client

    async def _login(self, client: SMTP) -> None:
        try:
            await client.login(self._user, self._password)
        except SMTPResponseException as error:  # some servers repeat what they were told: only the code is safe to show
            raise SMTPAuthenticationError(error.code, "") from None

    async def _hand_over(self, client: SMTP, content: bytes) -> Receipt:
        protocol = client.protocol
        if protocol is None:
            raise self._not_sent(SMTPServerDisconnected("the connection was lost"))
        try:
            protocol.write(content)
        except SMTPServerDisconnected as error:
            raise self._not_sent(error) from None
        try:
            answer = await protocol.read_response(timeout=self._patience)
        except (SMTPException, OSError) as error:
            text = f"{self._host} did not say whether it took the mail: {_printable(str(error))}"
            raise DeliveryError(text, ambiguous=True) from None
        if answer.code // 100 == 2:
            return Receipt(provider_ref=_printable(answer.message), detail=f"{self._host} answered {answer.code}")
        if answer.code // 100 in (4, 5):
            raise self._not_sent(SMTPDataError(answer.code, answer.message))
        text = f"{self._host} did not say whether it took the mail: {answer.code} {_printable(answer.message)}"
        raise DeliveryError(text, ambiguous=True)

    def _not_sent(self, error: SMTPException | OSError) -> DeliveryError:
        """The error for a mail that the server surely has not got."""
        if isinstance(error, SMTPAuthenticationError):
            return DeliveryError(f"{self._host} refuses the login ({error.code})", retry_after=_BACK_OFF)
        untrusted = next((link for link in (error, error.__cause__) if isinstance(link, ssl.SSLError)), None)
        if untrusted is not None:
            text = f"no trusted connection to {self._host}: {untrusted.strerror or untrusted}"
            return DeliveryError(text, retry_after=_BACK_OFF)
        if not isinstance(error, SMTPResponseException):
            return DeliveryError(f"{self._host} port {self._port}: {_printable(str(error))}")
        part = _refused_part(error)
        text = f"{self._host} refused {part or 'us'}: {error.code} {_printable(error.message)}"
        permanent = bool(part) and error.code // 100 == 5 and error.code not in _LOGIN
        return DeliveryError(text, permanent=permanent, retry_after=_BACK_OFF if error.code == 421 else None)

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None


def _refused_part(error: SMTPResponseException) -> str:
    if isinstance(error, SMTPSenderRefused):
        return f"the sender {error.sender}"
    if isinstance(error, SMTPRecipientRefused):
        return f"the recipient {error.recipient}"
    return "the message" if isinstance(error, SMTPDataError) else ""


def _printable(text: str) -> str:
    """What the server said, on one line of signs that can be stored and shown."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:500]

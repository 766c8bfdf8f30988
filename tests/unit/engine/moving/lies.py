"""What a store may do to the bytes that it gives."""

from .proxy import Call


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def flip_answer(call: Call) -> None:
    if call.content and len(call.reply) >= 1000:
        call.reply = flipped(call.reply)


def shorten_answer(call: Call) -> None:
    if call.content and len(call.reply) >= 1000:
        call.reply = call.reply[:-1]


def cut_answer(call: Call) -> None:
    if call.content and len(call.reply) >= 1000:
        call.promised, call.reply = len(call.reply), call.reply[: len(call.reply) // 2]


def lengthen_answer(call: Call) -> None:
    if call.content and len(call.reply) >= 1000:
        call.reply += b"x"

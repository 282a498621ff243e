from __future__ import annotations

import typing

import msgspec
import pytest

from faststicky.settings import RelayOptions


def test_every_relay_option_describes_itself():
    hints = typing.get_type_hints(RelayOptions, include_extras=True)
    for field in msgspec.structs.fields(RelayOptions):
        texts = [meta.description for meta in hints[field.name].__metadata__ if meta.description]
        assert len(texts) == 1, field.name
        assert texts[0].endswith("."), field.name


@pytest.mark.parametrize("field", list(msgspec.structs.fields(RelayOptions)), ids=lambda field: field.name)
def test_no_number_may_be_negative(field):
    if type(field.default) not in (int, float):
        return
    with pytest.raises(msgspec.ValidationError, match=rf">= 0.*{field.name}"):
        msgspec.convert({field.name: -1}, RelayOptions)


def test_options_survive_the_channel():
    options = RelayOptions(max_head=1, head_timeout=0.5, trusted_proxies=("10.0.0.0/8",), forwarded=True)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(options), type=RelayOptions) == options

"""A body read with what was said before against the same body by itself."""

from __future__ import annotations

import pytest

from schemas.errors import Unreadable
from schemas.records.flow_batch import FlowBatch
from schemas.wire import codec
from schemas.wire.repeats import Repeats
from tests.schemas.samples import assert_same_batch


def assert_read_alike(body: bytes, repeats: Repeats) -> FlowBatch | None:
    """With what was said before and without the same batch, which is returned, or the same sentence."""
    try:
        wanted = codec.decode_batch(body)
    except Unreadable as error:
        with pytest.raises(Unreadable) as refused:
            codec.decode_batch(body, None, repeats)
        assert str(refused.value) == str(error)
        return None
    read = codec.decode_batch(body, None, repeats)
    assert_same_batch(read, wanted)
    return read

"""librdkafka's producer without the rest of the package around it.

`import confluent_kafka` brings serialisers, an asyncio client and with them ssl: six megabytes that an agent would keep for ever.
Its C module stands alone. Where the package is loaded already, or looks different, the package it is.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import TYPE_CHECKING, Any

_PACKAGE, _CORE = "confluent_kafka", "confluent_kafka.cimpl"


def _core() -> Any:
    if _PACKAGE not in sys.modules and _CORE not in sys.modules:
        package = PathFinder.find_spec(_PACKAGE)
        spec = PathFinder.find_spec(_CORE, package.submodule_search_locations) if package is not None else None
        if spec is not None and spec.loader is not None:
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            sys.modules[_CORE] = module  # the package, if it is imported later, finds it there
    if _CORE not in sys.modules:
        import confluent_kafka  # noqa: F401
    return sys.modules[_CORE]


if TYPE_CHECKING:
    from confluent_kafka import KafkaError, KafkaException, Message, Producer
else:
    core = _core()
    KafkaError, KafkaException, Message, Producer = core.KafkaError, core.KafkaException, core.Message, core.Producer

__all__ = ["KafkaError", "KafkaException", "Message", "Producer"]

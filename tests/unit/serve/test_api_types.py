from __future__ import annotations

import msgspec

from faststicky.serve import api_types


def test_every_shape_makes_a_schema():
    shapes = [one for one in vars(api_types).values() if isinstance(one, type) and issubclass(one, api_types.Shape)]
    assert len(shapes) > 20
    _, components = msgspec.json.schema_components(shapes)
    assert {one.__name__ for one in shapes} <= set(components)


def test_percentiles_have_the_names_of_the_statistics_lines():
    latency = api_types.Latency(p50=1.0, p90=1.0, p99=1.0, p99_9=2.0, max=3.0)
    assert msgspec.to_builtins(latency) == {"p50": 1.0, "p90": 1.0, "p99": 1.0, "p99.9": 2.0, "max": 3.0}

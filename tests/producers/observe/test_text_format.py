"""The text that Prometheus reads, read back by its own parser."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from producers.observe.text_format import Family, Histogram, Sample, render

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=20)
"""The parser of the tests splits lines at more than line feeds; Prometheus does not."""


@given(TEXTS.map(str.strip), st.dictionaries(st.sampled_from(["a", "b", "c"]), TEXTS), st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_is_read(meaning: str, labels: dict[str, str], value: float) -> None:
    (family,) = text_string_to_metric_families(render((Family("weir_x", "gauge", meaning, (Sample(value, labels),)),)))
    assert family.type == "gauge"
    assert [(sample.labels, sample.value) for sample in family.samples] == [(labels, value)]


@given(st.integers(0, 2**63))
def test_counters_are_exact(value: int) -> None:
    assert f"weir_x_total {value}\n" in render((Family("weir_x_total", "counter", "Many.", (Sample(value),)),))


@given(st.lists(st.floats(0, 10)))
def test_a_histogram_counts_each_observation_once(values: list[float]) -> None:
    bounds = (0.5, 1, 2.5)
    histogram = Histogram(bounds)
    for value in values:
        histogram.observe(value)
    (family,) = text_string_to_metric_families(render((Family("weir_x", "histogram", "Some.", histogram.samples()),)))
    found = {(sample.name, sample.labels.get("le")): sample.value for sample in family.samples}
    for bound in bounds:
        assert found["weir_x_bucket", str(bound)] == sum(value <= bound for value in values)
    assert found["weir_x_bucket", "+Inf"] == found["weir_x_count", None] == len(values)
    assert abs(found["weir_x_sum", None] - sum(values)) < 1e-6

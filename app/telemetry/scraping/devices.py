"""Collect metrics of NVIDIA devices through NVML, without torch or a CUDA context."""

from collections.abc import Iterator

import pynvml
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class DeviceMetrics(Collector):
    """The memory and utilization of every visible device; empty without a driver."""

    def collect(self) -> Iterator[Metric]:
        used = GaugeMetricFamily(
            "graft_gpu_memory_used_bytes", "Used memory of a device.", labels=["gpu"]
        )
        total = GaugeMetricFamily(
            "graft_gpu_memory_total_bytes", "Total memory of a device.", labels=["gpu"]
        )
        load = GaugeMetricFamily(
            "graft_gpu_utilization_ratio",
            "Share of recent time in which a kernel ran on a device, 0 to 1.",
            labels=["gpu"],
        )
        for number, num_used, num_total, share in _read_devices():
            used.add_metric([number], num_used)
            total.add_metric([number], num_total)
            if share is not None:
                load.add_metric([number], share)
        yield used
        yield total
        yield load


def _read_devices() -> Iterator[tuple[str, int, int, float | None]]:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return
    try:
        for number in range(pynvml.nvmlDeviceGetCount()):
            device = pynvml.nvmlDeviceGetHandleByIndex(number)
            memory = pynvml.nvmlDeviceGetMemoryInfo(device)
            yield str(number), memory.used, memory.total, _find_utilization(device)
    except pynvml.NVMLError:
        return  # a failing device must not fail the scrape
    finally:
        pynvml.nvmlShutdown()


def _find_utilization(device: object) -> float | None:
    """Return the utilization; None if the device does not report it, as with MIG."""
    try:
        return float(pynvml.nvmlDeviceGetUtilizationRates(device).gpu) / 100
    except pynvml.NVMLError:
        return None

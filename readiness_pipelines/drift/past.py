"""What was said of a monitor's earlier windows: what persistence and trends are judged by."""

from __future__ import annotations

from collections import OrderedDict

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.drift.windows import measured_windows, shifted
from readiness_pipelines.flow import DriftReport, Measured, Window
from readiness_pipelines.lakehouse import Lakehouse

_REMEMBERED = 400  # reports, of some 100 kB each


class Past:
    """The newest reports of a monitor's windows, read from the ledger when they are asked for.

    Only of windows that the monitor has as it is declared now, and that were compared with the same reference (where each window
    has its own: with any): what was said of others is no past of these.
    """

    def __init__(self, product: Product, lake: Lakehouse, monitor: Monitor) -> None:
        self._product, self._lake, self._monitor = product, lake, monitor
        self.events = lake.ledger.drift.events(product.name, monitor.name)
        newest = max((window.last for window in self.events), default=None)
        windows = list(measured_windows(product, monitor, newest)) if newest is not None else []
        self._windows = [window for window in windows if window in self.events]
        self._known: OrderedDict[str, DriftReport] = OrderedDict()

    @property
    def windows(self) -> tuple[Window, ...]:
        """All windows that were measured, oldest first."""
        return tuple(self._windows)

    def add(self, report: DriftReport) -> None:
        """Take this report for the newest of its window."""
        window = report.measured.window
        if window not in self.events:
            self._windows = sorted([*self._windows, window], key=lambda each: each.last)
        self.events[window] = report.event
        self._remember(report)

    def before(self, measured: Measured, most: int) -> tuple[DriftReport, ...]:
        """Return the reports of the newest `most` windows that end before this one, the newest first."""
        earlier = [each for each in reversed(self._windows) if each.last < measured.window.last]
        return tuple(report for each in earlier[:most] if (report := self._report(each, measured)) is not None)

    def apart(self, measured: Measured, most: int) -> tuple[DriftReport | None, ...]:
        """Return the reports of the `most` windows before this one that share no partition, at equal distances, oldest first.

        None for one that was not measured; there are fewer where the monitor has no more windows.
        """
        wanted = [self._shifted(measured.window, -k) for k in range(most, 0, -1)]
        oldest = next((place for place, each in enumerate(wanted) if each in self.events), len(wanted))
        return tuple(self._report(each, measured) for each in wanted[oldest:])

    def last_of(self, window: Window, ahead: int) -> str:
        """Return the last partition of the window `ahead` windows later, none of which share a partition."""
        return self._shifted(window, ahead).last

    def _shifted(self, window: Window, windows: int) -> Window:
        said = self._monitor.words.window
        return shifted(self._product, window, windows * -(-said.days // said.step) * said.step)

    def _report(self, window: Window, beside: Measured) -> DriftReport | None:
        """Return the newest report of a window, None if there is none, or none that says the same thing as `beside`."""
        event = self.events.get(window)
        if event is None:
            return None
        report = self._known.get(event) or self._lake.ledger.drift.report_of(event)
        if report is not None:
            self._remember(report)
        is_own = self._monitor.words.reference == "previous_window"
        return report if report is not None and (is_own or report.measured.reference.id == beside.reference.id) else None

    def _remember(self, report: DriftReport) -> None:
        self._known[report.event] = report
        self._known.move_to_end(report.event)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

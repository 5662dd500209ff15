"""Rows with a label that can be learned, and a product's model over them, without a product."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from readiness_pipelines.declarations.drift import Drift  # noqa: F401

"""A model as a file: skops, never pickle, known by its sha256."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from readiness_pipelines.errors import DeclarationError, NotTheArtifact

# Beside scikit-learn's public estimators, which skops trusts. A tree's nodes can crash a process if somebody has forged them:
# only bytes with the recorded digest are opened. A partial is of a function that is in this list too.
TRUSTED = (
    "functools.partial",
    "numpy.dtype",
    "readiness_pipelines.models.preparation.Decider",
    "readiness_pipelines.models.preparation.Frequent",
    "readiness_pipelines.models.preparation.InRange",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "sklearn.utils.validation.check_array",
)


def save(estimator: Any, path: Path) -> str:
    """Write a fitted estimator to `path` and return the file's sha256. The same model saved twice is two different files.

    Raises DeclarationError where it holds a type that `load` would not open: what is brought along is made of
    scikit-learn's estimators.
    """
    import skops.io

    written = skops.io.dumps(estimator)
    foreign = [name for name in skops.io.get_untrusted_types(data=written) if name not in TRUSTED]
    if foreign:
        raise DeclarationError([f"model.estimator: found {', '.join(foreign[:5])}, expected types of scikit-learn alone"])
    path.write_bytes(written)
    return hashlib.sha256(written).hexdigest()


def load(path: Path, *, sha256: str) -> Any:
    """Return the estimator of a file that `save` wrote, if it still is that file.

    Raises NotTheArtifact if it is missing, has another sha256, is no file of skops, holds a type that is not trusted, or cannot be
    read by the scikit-learn that is installed now.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    if not path.is_file():
        raise NotTheArtifact(f"{path}: found no file, expected a model with sha256 {sha256[:12]}")
    written = path.read_bytes()
    found = hashlib.sha256(written).hexdigest()
    if found != sha256:
        raise NotTheArtifact(f"{path}: found sha256 {found[:12]}, expected {sha256[:12]}: it is not the model that was recorded")
    try:
        return skops.io.loads(written, trusted=list(TRUSTED))
    except BadZipFile as error:
        raise NotTheArtifact(f"{path}: found no file of skops, expected one") from error
    except UntrustedTypesFoundException as error:
        raise NotTheArtifact(f"{path}: {error}; expected types of scikit-learn alone") from error
    except MemoryError:
        raise
    except Exception as error:  # whatever reading what another release has written ends in
        found = f"{type(error).__name__}, with scikit-learn {version('scikit-learn')} and skops {version('skops')}"
        raise NotTheArtifact(f"{path}: it cannot be read ({found}); expected the releases it was saved with") from error

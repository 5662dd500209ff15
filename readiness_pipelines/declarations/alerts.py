"""The addresses that a product's alerts go to: apprise URLs, checked when they are declared.

`$NAME` stands for an environment variable, so that no secret is written down; `{owner}` for the contract's owner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.settings import with_variables


class VariableNotSet(ReadinessError):
    """An address names an environment variable that is not set here."""


def address(given: str, *, owner: str) -> str:
    """Return a declared address as apprise reads it. The errors name the declaration, never a variable's value.

    Raises VariableNotSet, or ReadinessError if it is no address.
    """
    import apprise

    try:
        url = with_variables(given).replace("{owner}", owner)
    except KeyError as missing:
        raise VariableNotSet(f"alerts.to: {given!r} names the environment variable {missing}, which is not set") from None
    if apprise.Apprise.instantiate(url, suppress_exceptions=True) is None:
        raise ReadinessError(f"found {given!r}, expected an address that apprise knows, as in mailtos://user:$KEY@host")
    return url


def address_problems(addresses: Sequence[str], *, owner: str) -> Iterator[tuple[int, str]]:
    """Yield (index, what is wrong) of each address that could never be used; one with an unset variable may be later."""
    for i, given in enumerate(addresses):
        try:
            address(given, owner=owner)
        except VariableNotSet:
            continue
        except ReadinessError as error:
            yield i, str(error)

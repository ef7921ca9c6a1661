"""The guards that `make mutate` takes out, and what must notice."""

from tests.guards import once, rest
from tests.guards.model import CONTRACTS, Mutation

MUTATIONS = (*once.GUARDS, *rest.GUARDS)

__all__ = ["CONTRACTS", "MUTATIONS", "Mutation"]

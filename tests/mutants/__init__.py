"""Mutants of the core: small planted faults that the comparison with the oracle must catch."""

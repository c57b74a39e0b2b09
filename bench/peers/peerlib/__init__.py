"""Measures kmem's malloc against its peers; bench/peers/run is the command."""

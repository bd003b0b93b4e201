"""Benchmarks: figures about the product, measured by its own code on data that is shipped with it."""

"""What mirrors cost, beside what people use today; see ``python -m benchmarks.mirrors --help``."""

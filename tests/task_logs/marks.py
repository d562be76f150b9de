"""Which of the shells and Vectors a test runs with; without a mark, each with each."""

import pytest

# The shell of Vector's image is enough for what takes long and does not depend on it.
busybox = pytest.mark.parametrize("shell", ["busybox"], indirect=True)
double = pytest.mark.parametrize("vector_program", ["double"], indirect=True)
real_vector = pytest.mark.parametrize("vector_program", ["vector"], indirect=True)

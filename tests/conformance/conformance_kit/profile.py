"""How much hypothesis tries."""

from hypothesis import HealthCheck, settings

# Making the environments of an example takes longer than hypothesis likes.
QUICK = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
LONG = settings(QUICK, max_examples=200, stateful_step_count=30)

"""How much memory does training take?"""
import fresh

TRAIN = """
import mlp
step = mlp.{maker}()
for _ in range(200):
    step.value()
result = 0
"""


def test_peak_of_mlp_training(record):
    bodies = {name: TRAIN.format(maker=maker) for name, maker in {
        "cytensor": "cytensor", "jax.jit": "jax", "torch": "torch", "pytensor": "pytensor"}.items()}
    record("peak memory of 200 steps of the MLP", "cytensor",
           fresh.take_turns(bodies, rounds=3, which=1), {"jax.jit": 0.5}, unit="MB")

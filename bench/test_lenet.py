"""How fast is a training step of a small convolutional network?"""
import lenet


def test_lenet_step(contest):
    contest("LeNet step, batch 64, float32", {
        "cytensor": lenet.cytensor, "torch": lenet.torch, "jax.jit": lenet.jax,
    }, targets={"torch": 0.5, "jax.jit": 0.25}, calls=3)

"""How fast is a training step of a small network?"""
import mlp


def test_training_step(contest):
    contest("MLP step 784-500-10, batch 256, float32", {
        "cytensor": mlp.cytensor, "numpy by hand": mlp.numpy, "torch": mlp.torch,
        "torch.compile": mlp.torch_compile, "jax.jit": mlp.jax, "pytensor": mlp.pytensor,
    }, targets={"jax.jit": 0.85}, calls=3)

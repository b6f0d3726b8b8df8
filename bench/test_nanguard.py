"""What does it cost to look at every number of a training step?"""
import mlp


def test_guarded_training_step(contest):
    contest("MLP step 784-500-10 with every number looked at", {
        "cytensor, NanGuardMode": mlp.cytensor_guarded, "cytensor": mlp.cytensor,
    }, targets={"cytensor": 1.2}, calls=3)

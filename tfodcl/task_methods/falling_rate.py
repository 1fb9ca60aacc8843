"""How Miro's learning rate falls while a task is learnt (arXiv 2308.06053): in 70 epochs after 49 and 63 of them."""

RATE_STEP = 0.2


def rate_share(epoch: int, num_epochs: int) -> float:
    """What the learning rate is multiplied by in an epoch of a task: 0, 1, .."""
    num_steps = (10 * epoch >= 7 * num_epochs) + (10 * epoch >= 9 * num_epochs)
    return RATE_STEP**num_steps

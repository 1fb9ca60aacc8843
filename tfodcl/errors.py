"""The error for input that cannot be used; its text is one line for a person."""


class InputError(ValueError):
    """Bad input: the message names the rule and the value received.

    Example: "latent_dim must be a multiple of subvector_dim. Received: latent_dim=130, subvector_dim=8."
    Commands print it as one line and end with exit code 2.
    """

"""What tools/benchmark.py compares with: PyTorch, NumPy, scikit-learn and faiss, used the usual way."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np


def optional(name: str) -> Any:
    """The module, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


torch, faiss, cluster, metrics = map(optional, ("torch", "faiss", "sklearn.cluster", "sklearn.metrics"))

KERNEL_STD = 0.02


def channels_first(x: np.ndarray) -> Any:
    """(n, h, w, c) -> (n, c, h, w)."""
    return torch.from_numpy(x.transpose(0, 3, 1, 2).copy())


def torch_anml(encoder: Any) -> Any:
    """A PyTorch network with the layers and sizes of `encoder`, an ANML of tfodcl.backbones."""

    def convolutions(name: str) -> Any:
        num_channels, before = encoder.get_layer(f"{name}_1_conv").filters, encoder.input_shape[3]
        blocks: list[Any] = []
        for i in range(3):
            convolution = torch.nn.Conv2d(before, num_channels, 3, bias=False)
            pool = torch.nn.MaxPool2d(2) if i < 2 else torch.nn.Flatten()
            blocks += [convolution, torch.nn.BatchNorm2d(num_channels), torch.nn.ReLU(), pool]
            before = num_channels
        return torch.nn.Sequential(*blocks)

    mask = torch.nn.Linear(encoder.get_layer("nm_flat").output_shape[1], encoder.output_shape[1])
    return torch.nn.ModuleDict({"p": convolutions("p"), "nm": convolutions("nm"), "mask": mask})


def torch_latents(network: Any, x: Any) -> Any:
    """(n, c, h, w) -> (n, latent_dim) by what `torch_anml` gives."""
    return network["p"](x) * torch.sigmoid(network["mask"](network["nm"](x)))


def torch_meta_step(
    network: Any,
    num_classes: int,
    x: np.ndarray,
    y: np.ndarray,
    num_inner: int,
    inner_lr: float,
    outer_lr: float,
    again: bool = False,
    bfloat16: bool = False,
) -> Callable[[], float]:
    """A second-order meta step by torch.autograd; the inner gradients are those of the classifier alone.

    Args:
      again: encode the sample of every inner step for itself, instead of all in one batch.
      bfloat16: autocast the encoder.
    """
    kernel = torch.nn.Parameter(torch.randn(network["mask"].out_features, num_classes) * KERNEL_STD)
    optimizer = torch.optim.Adam([*network.parameters(), kernel], lr=outer_lr)
    samples, labels = channels_first(x), torch.from_numpy(y)
    cross_entropy = torch.nn.functional.cross_entropy

    def encode(inputs: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            return torch_latents(network, inputs).float()

    def step() -> float:
        with torch.no_grad():
            kernel[:, y[0]] = torch.randn(len(kernel)) * KERNEL_STD
        z, fast = encode(samples), kernel
        for t in range(num_inner):
            sample = encode(samples[t : t + 1]) if again else z[t : t + 1]
            inner_loss = cross_entropy(sample @ fast, labels[t : t + 1])
            (gradient,) = torch.autograd.grad(inner_loss, fast, create_graph=True)
            fast = fast - inner_lr * gradient
        loss = cross_entropy(z @ fast, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def torch_forward(network: Any, x: np.ndarray) -> Callable[[], None]:
    """Sample after sample."""
    samples = channels_first(x)
    network.eval()

    def forward() -> None:
        with torch.no_grad():
            for sample in samples:
                torch_latents(network, sample[None])

    return forward


def torch_stream(latents: np.ndarray, learning_rate: float) -> Callable[[], None]:
    """Learns (num_classes, samples_per_class, latent_dim) float32 class after class: batch 1, head only, SGD."""
    z = torch.from_numpy(latents)

    def learn() -> None:
        head = torch.nn.Linear(z.shape[2], len(z), bias=False)
        optimizer = torch.optim.SGD(head.parameters(), lr=learning_rate)
        for label, samples in enumerate(z):
            target = torch.tensor([label])
            for sample in samples:
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(head(sample[None]), target).backward()
                optimizer.step()

    return learn


def numpy_encode(codebook: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(n, dim) float32 -> (n, num_subvectors) uint8, position after position."""
    codes = np.empty((len(vectors), len(codebook)), np.uint8)
    parts = np.split(vectors, len(codebook), axis=1)
    for position, (part, centroids) in enumerate(zip(parts, codebook.astype(np.float32), strict=True)):
        distances = np.square(centroids).sum(axis=1) - 2 * part @ centroids.T  # (n, num_centroids)
        codes[:, position] = distances.argmin(axis=1)
    return codes


def numpy_decode(codebook: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(n, num_subvectors) -> (n, dim)."""
    return codebook[np.arange(len(codebook)), codes].reshape(len(codes), -1)


def sklearn_encode(codebook: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """As numpy_encode."""
    parts = zip(np.split(vectors, len(codebook), axis=1), codebook.astype(np.float32), strict=True)
    nearest = [metrics.pairwise_distances_argmin(part, centroids) for part, centroids in parts]
    return np.stack(nearest, axis=1).astype(np.uint8)


def sklearn_fit(codebook: np.ndarray, vectors: np.ndarray) -> None:
    """K-means with mini-batches, one position after another, for a codebook of the same shape."""
    for part in np.split(vectors, len(codebook), axis=1):
        cluster.MiniBatchKMeans(codebook.shape[1], n_init=1, random_state=0).fit(part)


def faiss_quantizer(codebook: np.ndarray) -> Any:
    """With the centroids of `codebook`, 256 a position."""
    num_subvectors, num_centroids, subvector_dim = codebook.shape
    quantizer = faiss.ProductQuantizer(num_subvectors * subvector_dim, num_subvectors, num_centroids.bit_length() - 1)
    faiss.copy_array_to_vector(codebook.astype(np.float32).ravel(), quantizer.centroids)
    return quantizer


def on_threads(num_threads: int, call: Callable[[np.ndarray], object], argument: np.ndarray) -> Callable[[], object]:
    """faiss's `call` of `argument` on so many threads."""

    def limited() -> object:
        faiss.omp_set_num_threads(num_threads)
        return call(argument)

    return limited

"""Product quantizer: a vector is cut into subvectors, each stored as the index of its nearest centroid.

Source: LifeLearner (arXiv 2311.11420), 256 centroids, subvectors of 8, 32 or 128 values. Each subvector
position has its own codebook. Centroids are int8 in the domain of the latents and distances are exact
integers, so that every implementation finds the same codes; of equally near centroids the lowest index wins.
"""

import struct
from types import ModuleType
from typing import ClassVar

import numpy as np

from tfodcl.compress.record import check_latent_dim, check_latents, check_payloads
from tfodcl.errors import InputError

MAX_CENTROIDS = 256
MAX_SUBVECTOR_DIM = 256
_SECTION = struct.Struct("<HHIIIHH12x")
_LLOYD_ITERATIONS = 25
_MINI_BATCH_ABOVE = 32_768  # distinct training subvectors; mini-batches end with about 4 % more error
_CHUNK_BYTES = 1 << 21  # distances of one chunk of latents stay in the cache


class ProductQuantizer:
    """A codec for dense latents, and the quantizer of the packed values of sparse ones.

    Attributes:
      codebook: (num_subvectors, num_centroids, subvector_dim) int8.
    """

    CODEC_ID: ClassVar[int] = 2
    NAME: ClassVar[str] = "pq"

    def __init__(self, codebook: np.ndarray) -> None:
        """
        Args:
          codebook: (num_subvectors, num_centroids, subvector_dim) int8, the latter two in 1..256.
        """
        if codebook.dtype != np.int8 or codebook.ndim != 3:
            raise InputError(
                f"a codebook must be int8 of 3 dimensions. Received: {codebook.dtype} of {codebook.shape}."
            )
        self.num_subvectors, self.num_centroids, self.subvector_dim = codebook.shape
        _check_sizes(self.num_centroids, self.subvector_dim)
        self.latent_dim = self.num_subvectors * self.subvector_dim
        check_latent_dim(self.latent_dim)
        self.payload_bytes = self.num_subvectors
        self.codebook = np.ascontiguousarray(codebook)
        self._affine = _affine_form(self.codebook)

    @classmethod
    def fit(
        cls, latents: np.ndarray, subvector_dim: int, num_centroids: int = MAX_CENTROIDS, seed: int = 0
    ) -> "ProductQuantizer":
        """Learns one codebook per subvector position by k-means; equal arguments give equal codebooks.

        Where the training subvectors hold no more than num_centroids distinct ones, these are the centroids,
        repeated in order to fill the codebook.

        Args:
          latents: (n, latent_dim) int8, n >= 1.
          subvector_dim: values of a subvector, a divisor of latent_dim.
          num_centroids: 1..256.
          seed: of the k-means initialisation.
        """
        from sklearn import cluster
        from threadpoolctl import threadpool_limits

        latent_dim = latents.shape[-1]
        check_latents(latents, latent_dim)
        _check_sizes(num_centroids, subvector_dim)
        check_divides(subvector_dim, "latent_dim", latent_dim)
        if len(latents) == 0:
            raise InputError(f"a codebook needs at least one latent. Received: shape={latents.shape}.")
        subvectors = latents.reshape(len(latents), -1, subvector_dim)  # (n, num_subvectors, subvector_dim)
        # Sums of several threads depend on their order. The limit reaches libraries loaded before it only.
        with threadpool_limits(limits=1):
            codebooks = [
                _centroids(cluster, subvectors[:, position], num_centroids, seed + position)
                for position in range(subvectors.shape[1])
            ]
        return cls(np.stack(codebooks))

    def encode(self, latents: np.ndarray) -> np.ndarray:
        """(n, latent_dim) int8 -> (n, num_subvectors) uint8, the index of each nearest centroid."""
        check_latents(latents, self.latent_dim)
        codes = np.empty((len(latents), self.num_subvectors), np.uint8)
        chunk = max(1, _CHUNK_BYTES // (4 * self.num_subvectors * self.num_centroids))
        for start in range(0, len(latents), chunk):
            rows = latents[start : start + chunk]
            points = np.ones((self.num_subvectors, len(rows), self.subvector_dim + 1), np.float32)
            points[:, :, :-1] = rows.reshape(len(rows), self.num_subvectors, -1).swapaxes(0, 1)
            distances = points @ self._affine  # (num_subvectors, rows, num_centroids), exact
            codes[start : start + chunk] = distances.argmin(axis=2).T
        return codes

    def decode(self, payloads: np.ndarray) -> np.ndarray:
        """(n, num_subvectors) uint8 -> (n, latent_dim) int8. Raises InputError for unused codes."""
        check_payloads(payloads, self.payload_bytes)
        if payloads.size and payloads.max() >= self.num_centroids:
            raise InputError(f"codes must be below num_centroids={self.num_centroids}. Received: {payloads.max()}.")
        centroids = self.codebook.reshape(-1, self.subvector_dim)
        rows = payloads + self.num_centroids * np.arange(self.num_subvectors)  # (n, num_subvectors)
        # "clip" only spares NumPy the buffer in which it would look for rows that are not there.
        return centroids.take(rows, axis=0, mode="clip").reshape(len(payloads), self.latent_dim)

    def to_bytes(self) -> bytes:
        """The codec section of a package: 32 bytes and the codebook."""
        return (
            _SECTION.pack(
                self.CODEC_ID,
                0,
                self.latent_dim,
                self.payload_bytes,
                self.num_subvectors,
                self.num_centroids,
                self.subvector_dim,
            )
            + self.codebook.tobytes()
        )

    @classmethod
    def from_bytes(cls, section: bytes) -> "ProductQuantizer":
        """Reads what to_bytes wrote. Raises InputError for anything else."""
        if len(section) < _SECTION.size:
            raise InputError(f"a pq codec must have at least {_SECTION.size} bytes. Received: {len(section)}.")
        _, _, _, _, num_subvectors, num_centroids, subvector_dim = _SECTION.unpack_from(section)
        return cls(read_codebook(section[_SECTION.size :], num_subvectors, num_centroids, subvector_dim))


def read_codebook(content: bytes, num_subvectors: int, num_centroids: int, subvector_dim: int) -> np.ndarray:
    """(num_subvectors, num_centroids, subvector_dim) int8. Raises InputError for another number of bytes."""
    num_values = num_subvectors * num_centroids * subvector_dim
    if len(content) != num_values:
        raise InputError(
            f"a codebook must have num_subvectors * num_centroids * subvector_dim bytes. "
            f"Received: {len(content)} bytes, "
            f"num_subvectors={num_subvectors}, num_centroids={num_centroids}, subvector_dim={subvector_dim}."
        )
    return np.frombuffer(content, np.int8).reshape(num_subvectors, num_centroids, subvector_dim)


def check_divides(subvector_dim: int, name: str, value: int) -> None:
    """Raises InputError unless `value`, called `name`, is a multiple of subvector_dim."""
    if value % subvector_dim:
        raise InputError(
            f"{name} must be a multiple of subvector_dim. Received: {name}={value}, subvector_dim={subvector_dim}."
        )


def _check_sizes(num_centroids: int, subvector_dim: int) -> None:
    if not 1 <= num_centroids <= MAX_CENTROIDS:
        raise InputError(f"num_centroids must be in 1..{MAX_CENTROIDS}. Received: num_centroids={num_centroids}.")
    if not 1 <= subvector_dim <= MAX_SUBVECTOR_DIM:
        raise InputError(f"subvector_dim must be in 1..{MAX_SUBVECTOR_DIM}. Received: subvector_dim={subvector_dim}.")


def _affine_form(codebook: np.ndarray) -> np.ndarray:
    """(num_subvectors, subvector_dim + 1, num_centroids) float32: [-2 c; |c|^2].

    [x, 1] times it is |x - c|^2 - |x|^2. All terms and partial sums are integers of at most
    3 * MAX_SUBVECTOR_DIM * 2^14 < 2^24, which float32 holds exactly in any order of summation.
    """
    centroids = codebook.astype(np.float32).swapaxes(1, 2)  # (num_subvectors, subvector_dim, num_centroids)
    squares = np.square(centroids).sum(axis=1, keepdims=True)
    return np.ascontiguousarray(np.concatenate([-2 * centroids, squares], axis=1))


def _centroids(cluster: ModuleType, subvectors: np.ndarray, num_centroids: int, seed: int) -> np.ndarray:
    """(n, subvector_dim) int8 -> (num_centroids, subvector_dim) int8: k-means centres, rounded.

    `cluster` is sklearn.cluster, which only fitting needs.
    """
    distinct, counts = np.unique(subvectors, axis=0, return_counts=True)
    if len(distinct) <= num_centroids:
        return distinct[np.arange(num_centroids) % len(distinct)]
    if len(distinct) > _MINI_BATCH_ABOVE:
        k_means = cluster.MiniBatchKMeans(num_centroids, n_init=1, random_state=seed)
    else:
        k_means = cluster.KMeans(num_centroids, n_init=1, max_iter=_LLOYD_ITERATIONS, random_state=seed)
    k_means.fit(distinct.astype(np.float32), sample_weight=counts.astype(np.float32))
    return np.rint(k_means.cluster_centers_).astype(np.int8)

"""Processes that train one network together: TensorFlow's collectives add up what each of them has computed."""

import numpy as np
import tensorflow as tf


class Alone:
    """The only process of a training; it has what `Crew` has."""

    rank, size = 0, 1

    def sum(self, tensors):
        """Return the tensors, which have nothing to be added to; see `Crew.sum`."""
        return tensors

    def share(self, content):
        """Return the content; see `Crew.share`."""
        return content


class Crew:
    """Processes, on one machine or several, that TensorFlow's `MultiWorkerMirroredStrategy` joins.

    It must be made before the first operation of TensorFlow in the process, and waits until all
    processes are there. Networks are not made in the scope of the strategy, which only adds up:
    Keras cannot fit networks with several inputs in it.

    Parameters
    ----------
    addresses : list of str
        "host:port" of each process, in the order of their ranks.
    rank : int
        Number of this process.

    Attributes
    ----------
    rank, size : int
        Number of this process, and number of processes.
    """

    def __init__(self, addresses, rank):
        self.rank, self.size = rank, len(addresses)
        cluster = tf.train.ClusterSpec({"worker": addresses})
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(cluster, task_type="worker", task_id=rank)
        self._strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
        self._sum_now = tf.function(self._sum, autograph=False)

    def sum(self, tensors):
        """Add up tensors over all processes, which must all call this at the same place.

        Parameters
        ----------
        tensors : list of tensor or IndexedSlices
            Equal shapes in each process; of `IndexedSlices` only the rows that they hold travel.

        Returns
        -------
        list of tensor or IndexedSlices
            Equal in each process, to the last bit. `IndexedSlices` may hold a row several times.
        """
        if not tensors:
            return tensors
        return self._sum_now(tensors) if tf.executing_eagerly() else self._sum(tensors)

    def share(self, content):
        """Return what the first process gives.

        Parameters
        ----------
        content : bytes
            That of other processes does not count.
        """
        content = b"" if self.rank else content
        (size,) = self.sum([tf.constant(len(content), tf.int64)])
        # A collective of nothing ends the process.
        if not size:
            return b""
        # As numbers of a type that every way of adding up knows: others add zeros.
        padded = np.zeros(-(-int(size) // 4), np.int32)
        padded.view(np.uint8)[: len(content)] = np.frombuffer(content, np.uint8)
        (found,) = self.sum([tf.constant(padded)])
        return found.numpy().tobytes()[: int(size)]

    def _sum(self, tensors):
        """Add up tensors in a function of TensorFlow."""
        with self._strategy.scope():
            return self._strategy.run(_reduce, args=(tensors,))


def _reduce(tensors):
    """Add up the tensors of all processes."""
    # Made anew here: TensorFlow reduces on the device of a tensor, and one from outside has none yet.
    tensors = tf.nest.map_structure(tf.identity, tensors, expand_composites=True)
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensors)

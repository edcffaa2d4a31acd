"""Processes that train one network together: TensorFlow's collectives add up what each of them has computed."""

import pickle

import numpy as np
import tensorflow as tf


class Crew:
    """The processes of a training, as one of them sees them. This one is alone.

    Attributes
    ----------
    rank : int
        Number of this process.
    size : int
        Number of processes.
    """

    rank, size = 0, 1

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
        return tensors

    def share(self, value):
        """Return the value that the first process gives; the values of the others do not count.

        Parameters
        ----------
        value : object
            Can be pickled.
        """
        return value


class CollectiveCrew(Crew):
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
    """

    def __init__(self, addresses, rank):
        self.rank, self.size = rank, len(addresses)
        cluster = tf.train.ClusterSpec({"worker": addresses})
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(cluster, task_type="worker", task_id=rank)
        self._strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
        self._sum_now = tf.function(self._sum, autograph=False)

    def sum(self, tensors):
        """Add up tensors over all processes; see `Crew.sum`."""
        if not tensors:
            return tensors
        return self._sum_now(tensors) if tf.executing_eagerly() else self._sum(tensors)

    def share(self, value):
        """Return the value of the first process; see `Crew.share`."""
        content = b"" if self.rank else pickle.dumps(value)
        (size,) = self.sum([tf.constant(len(content), tf.int64)])
        # As numbers of a type that every way of adding up knows: others add zeros.
        padded = np.zeros(-(-int(size) // 4), np.int32)
        padded.view(np.uint8)[: len(content)] = np.frombuffer(content, np.uint8)
        (found,) = self.sum([tf.constant(padded)])
        return pickle.loads(found.numpy().tobytes()[: int(size)])

    def _sum(self, tensors):
        """Add up tensors in a function of TensorFlow."""
        with self._strategy.scope():
            return self._strategy.run(_reduce, args=(tensors,))


def _reduce(tensors):
    """Add up the tensors of all processes."""
    # Made anew here: TensorFlow reduces on the device of a tensor, and one from outside has none yet.
    tensors = tf.nest.map_structure(tf.identity, tensors, expand_composites=True)
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensors)

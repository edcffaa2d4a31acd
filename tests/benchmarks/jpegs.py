"""JPEG files to pixels of 224 x 224: `ImageDecoder` beside a loop over Pillow, on the same files in one run.

``python tests/benchmarks/jpegs.py [n_files]`` writes 2,000 files of 640 x 480 that are like photos (smooth colours,
blotches, grain; quality 85 to 90; 1 to 2.5 bits a pixel, as real ones). The systems take turns on blocks of 100 files,
three times each; printed are medians over the blocks, of milliseconds a file and of the ratio to the loop, and the mean
absolute difference to the loop's pixels. First on one core, by the processor's time; then on all cores, by the clock.
OpenCV is left out where it is not installed.
"""

import importlib.util
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.base import clone

from skmulti import ImageDecoder

SIDE = 224
BLOCK = 100
REPEATS = 3


def write_photos(folder, n_files):
    """Write JPEG files and give their paths."""
    rng = np.random.default_rng(0)
    blotches = [enlarged(rng.integers(0, 256, (60, 80)), Image.Resampling.BICUBIC) - 128 for _ in range(8)]
    grains = [rng.normal(size=(480, 640)) for _ in range(8)]
    paths = []
    for number in range(n_files):
        colours = [enlarged(rng.integers(0, 256, (6, 8)), Image.Resampling.BICUBIC) for _ in range(3)]
        shift = tuple(rng.integers(0, 480, 2))
        texture = 0.25 * np.roll(blotches[rng.integers(8)], shift, (0, 1))
        texture += rng.uniform(1, 6) * np.roll(grains[rng.integers(8)], shift, (0, 1))
        pixels = np.clip(np.dstack(colours) + texture[:, :, None], 0, 255).astype("uint8")
        paths.append(str(Path(folder, f"{number:05}.jpg")))
        Image.fromarray(pixels).save(paths[-1], quality=int(rng.integers(85, 91)))
    return paths


def enlarged(small, resample):
    return np.asarray(Image.fromarray(small.astype("float32")).resize((640, 480), resample))


def by_hand(paths):
    """Decode as a user would who writes the loop: ndarray of shape (n_files, 224, 224, 3), uint8."""
    pixels = np.empty((len(paths), SIDE, SIDE, 3), dtype="uint8")
    for row, path in enumerate(paths):
        pixels[row] = np.asarray(Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    return pixels


def timed(systems, paths, clock):
    """Time the systems in turn, block by block: {name: milliseconds a file of each block}."""
    milliseconds = {name: [] for name in systems}
    for start in [*range(0, len(paths), BLOCK)] * REPEATS:
        block = paths[start : start + BLOCK]
        for name, system in systems.items():
            begin = clock()
            system(block)
            milliseconds[name].append((clock() - begin) / len(block) * 1_000)
    return {name: np.array(values) for name, values in milliseconds.items()}


def main(n_files):
    plain = ImageDecoder(size=(SIDE, SIDE))
    systems = {"Pillow by hand": by_hand, "ImageDecoder": plain.fit_transform}
    if importlib.util.find_spec("cv2"):
        import cv2

        cv2.setNumThreads(1)
        systems['ImageDecoder(decoder="opencv")'] = clone(plain).set_params(decoder="opencv").fit_transform
    with tempfile.TemporaryDirectory() as folder:
        paths = write_photos(folder, n_files)
        mean_size = np.mean([os.path.getsize(path) for path in paths])
        print(f"{n_files} files of {mean_size / 1000:.0f} kB, {8 * mean_size / 640 / 480:.2f} bits a pixel")
        expected = by_hand(paths[:BLOCK]).astype("int16")
        errors = {name: np.abs(system(paths[:BLOCK]) - expected).mean() for name, system in systems.items()}
        cores = os.sched_getaffinity(0)
        for title, used, clock in [
            ("one core, processor's time", {min(cores)}, time.process_time),
            (f"{len(cores)} cores, clock", cores, time.perf_counter),
        ]:
            os.sched_setaffinity(0, used)
            times = timed(systems, paths, clock)
            print(f"\n{title:32} {'ms/file':>8} {'ratio':>6} {'difference':>11}")
            for name, values in times.items():
                ratio = np.median(times["Pillow by hand"] / values)
                print(f"{name:32} {np.median(values):8.2f} {ratio:6.2f} {errors[name]:5.2f} / 255")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)

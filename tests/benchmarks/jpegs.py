"""JPEG files to pixels of 224 x 224: `ImageDecoder` beside a loop over Pillow, on the same files in one run.

``python tests/benchmarks/jpegs.py [n_files]`` writes files of 640 x 480 that are like photos (smooth colours, blotches,
grain; quality 85 to 90; 1 to 2.5 bits a pixel, as real ones) and prints the median seconds of five repeats, the ratio to
the loop, and the mean absolute difference to its pixels. Ratios are of the processor's time on one core; then follow
those of the clock with as many threads as there are cores. OpenCV is left out where it is not installed.
"""

import importlib.util
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from skmulti import ImageDecoder

SIDE = 224
REPEATS = 5


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


def medians(systems, paths, clock):
    """Time the systems in turn: {name: median seconds}."""
    seconds = {name: [] for name in systems}
    for _ in range(REPEATS):
        for name, system in systems.items():
            start = clock()
            system(paths)
            seconds[name].append(clock() - start)
    return {name: np.median(values) for name, values in seconds.items()}


def main(n_files):
    systems = {"Pillow by hand": by_hand, "ImageDecoder": ImageDecoder(size=(SIDE, SIDE)).fit_transform}
    if importlib.util.find_spec("cv2"):
        import cv2

        cv2.setNumThreads(1)
        faster = ImageDecoder(size=(SIDE, SIDE), decoder="opencv")
        systems['ImageDecoder(decoder="opencv")'] = faster.fit_transform
    with tempfile.TemporaryDirectory() as folder:
        paths = write_photos(folder, n_files)
        mean_size = np.mean([os.path.getsize(path) for path in paths])
        print(f"{n_files} files of {mean_size / 1000:.0f} kB, {8 * mean_size / 640 / 480:.2f} bits a pixel")
        some = paths[: min(n_files, 200)]
        expected = by_hand(some).astype("int16")
        errors = {name: np.abs(system(some) - expected).mean() for name, system in systems.items()}
        cores = os.sched_getaffinity(0)
        for title, used, clock in [
            ("one core, seconds of the processor", {min(cores)}, time.process_time),
            (f"{len(cores)} cores, seconds of the clock", cores, time.perf_counter),
        ]:
            os.sched_setaffinity(0, used)
            seconds = medians(systems, paths, clock)
            print(f"\n{title:40} {'s':>7} {'files/s':>8} {'ratio':>6} {'difference':>11}")
            for name, value in seconds.items():
                ratio = seconds["Pillow by hand"] / value
                print(f"{name:40} {value:7.2f} {n_files / value:8.0f} {ratio:6.2f} {errors[name]:5.2f} / 255")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)

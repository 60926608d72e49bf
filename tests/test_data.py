import gzip
import hashlib
import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from softmax_lib import data
from softmax_lib.data import Batches, Split, check_targets, load_mnist, torchvision_root

MD5 = {  # what torchvision.datasets.MNIST checks
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
BUNDLED = Path(data.__file__).with_name("mnist")
TRAIN_IMAGES, TRAIN_LABELS = data.FILE_NAMES["train"]
TEST_IMAGES, TEST_LABELS = data.FILE_NAMES["test"]


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


def small_split(n=10, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
    return Split(torch.from_numpy(images), torch.arange(n) % 10)


def idx(array):
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_set(folder, *, packed, n_train=60, n_test=20):
    """A data set in the form of Fashion-MNIST's files; returns the bytes of each file before packing."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    files = {}
    for images, labels, n in ((TRAIN_IMAGES, TRAIN_LABELS, n_train), (TEST_IMAGES, TEST_LABELS, n_test)):
        files[images] = idx(rng.integers(0, 256, (n, 28, 28), dtype=np.uint8))
        files[labels] = idx((np.arange(n) % 10).astype(np.uint8))
    for name, raw in files.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(raw))
        else:
            (folder / name).write_bytes(raw)
    return files


def run_python(code, *arguments, **environment):
    """Standard output of a fresh Python that must succeed."""
    environment = {**os.environ, **environment}
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ------------------------------------------------------------------------------------------- the bundled data


def test_bundled_files_are_the_official_ones():
    assert {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in BUNDLED.glob("*.gz")} == MD5
    noted = [line.split() for line in (BUNDLED / "MD5SUMS").read_text().splitlines()]
    assert {name: md5 for md5, name in noted} == MD5


def test_mnist_has_the_known_sizes_and_types(mnist):
    for split, n in ((mnist.train, 60_000), (mnist.test, 10_000)):
        assert split.images.shape == (n, 28, 28) and split.images.dtype == torch.uint8
        assert split.labels.shape == (n,) and split.labels.dtype == torch.int64
        assert len(split) == n


def test_mnist_holds_the_known_digits(mnist):
    assert mnist.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert mnist.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # published with the data
    assert mnist.train.labels.bincount().tolist() == counts
    assert mnist.train.images.double().mean().item() / 255 == pytest.approx(0.1307, abs=5e-5)


def test_mnist_equals_torchvisions_reading(mnist, tmp_path):
    from torchvision import datasets

    theirs = datasets.MNIST(torchvision_root(tmp_path), train=False, download=True)
    assert torch.equal(theirs.data, mnist.test.images)
    assert torch.equal(theirs.targets, mnist.test.labels)


def test_loading_needs_no_network_and_writes_nothing(tmp_path):
    code = """
import os, sys
import softmax_lib.data
def refuse(event, args):
    if event.startswith("socket.") or event == "subprocess.Popen":
        raise RuntimeError(event)
    if event == "open" and (set(str(args[1])) & set("wax+") or args[2] & (os.O_WRONLY | os.O_RDWR)):
        raise RuntimeError(f"writes {args[0]}")
sys.addaudithook(refuse)
print(len(softmax_lib.data.load_mnist().train))
"""
    assert run_python(code, HOME=str(tmp_path), TORCH_HOME=str(tmp_path)) == "60000\n"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def package_copy(tmp_path, monkeypatch):
    """The package's data in a folder where it may be damaged."""
    shutil.copytree(BUNDLED, tmp_path / "mnist")
    monkeypatch.setattr(data.resources, "files", lambda package: tmp_path)
    load_mnist()
    return tmp_path / "mnist"


@pytest.mark.parametrize("name", MD5)
def test_one_changed_byte_in_a_bundled_file_is_named(package_copy, name):
    path = package_copy / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}.*damaged.*SHA-256.*found.*Install softmax_lib again"):
        load_mnist()


def test_missing_bundled_file_is_named(package_copy):
    (package_copy / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"t10k-labels-idx1-ubyte\.gz.*missing.*Install softmax_lib"):
        load_mnist()


# ------------------------------------------------------------------------------------------- a given folder


@pytest.mark.parametrize("packed", [True, False])
def test_folder_gives_what_its_files_hold(tmp_path, packed):
    files = write_set(tmp_path / "홍길동 폴더", packed=packed)
    mnist = load_mnist(tmp_path / "홍길동 폴더")
    assert mnist.train.images.numpy().tobytes() == files[TRAIN_IMAGES][16:]
    assert mnist.train.labels.tolist() == list(files[TRAIN_LABELS][8:])
    assert mnist.test.images.numpy().tobytes() == files[TEST_IMAGES][16:]
    assert len(mnist.test) == 20
    assert load_mnist(str(tmp_path / "홍길동 폴더")).test.labels.tolist() == mnist.test.labels.tolist()


def test_folder_with_hangul_is_read_in_the_c_locale(tmp_path):
    folder = tmp_path / "홍길동 폴더"
    write_set(folder, packed=True)
    code = "import sys; from softmax_lib.data import load_mnist; print(load_mnist(sys.argv[1]).test)"
    assert "20 images" in run_python(code, folder, LC_ALL="C", LANG="C")


def test_unpacked_content_under_a_gz_name_is_read(tmp_path):
    files = write_set(tmp_path, packed=True)
    (tmp_path / f"{TEST_IMAGES}.gz").write_bytes(files[TEST_IMAGES])  # as some browsers save it
    assert len(load_mnist(tmp_path).test) == 20


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS])
@pytest.mark.parametrize(
    "damage, words",
    [
        (lambda raw: raw[: len(raw) // 2], "cut short"),
        (lambda raw: raw[:-1], "cut short"),
        (lambda raw: raw[:3], "cut short|is not an idx file"),
        (lambda raw: b"", "empty"),
        (lambda raw: raw + b"\0", "after"),
        (lambda raw: raw + b"more", "after"),
        (lambda raw: b"\n <!DOCTYPE html><html><title>403</title></html>", "web page"),
        (lambda raw: b"what is this?", "is not an idx file"),
    ],
    ids=["half", "one byte less", "3 bytes", "empty", "zero byte more", "more", "html", "text"],
)
def test_damaged_file_of_a_folder_is_named(tmp_path, packed, name, damage, words):
    write_set(tmp_path, packed=packed)
    path = tmp_path / (f"{name}.gz" if packed else name)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=words) as error:
        load_mnist(tmp_path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", [TRAIN_IMAGES, TEST_LABELS])
def test_any_changed_byte_of_a_gz_file_is_found(tmp_path, name):
    write_set(tmp_path, packed=True, n_train=2, n_test=2)
    path = tmp_path / f"{name}.gz"
    whole = path.read_bytes()
    before = load_mnist(tmp_path)
    found = 0
    for position in [*range(0, len(whole), 1 + len(whole) // 150), len(whole) - 1]:
        path.write_bytes(whole[:position] + bytes((whole[position] ^ 16,)) + whole[position + 1 :])
        try:
            after = load_mnist(tmp_path)
        except ValueError as error:
            assert str(path) in str(error)
            found += 1
        else:  # a byte that says nothing: the header's time or system, padding bits; the array is right
            assert torch.equal(after.train.images, before.train.images)
            assert torch.equal(after.test.labels, before.test.labels)
    assert found > 10


def test_images_and_labels_under_each_others_names_are_refused(tmp_path):
    files = write_set(tmp_path, packed=False)
    (tmp_path / TRAIN_LABELS).write_bytes(files[TRAIN_IMAGES])
    with pytest.raises(ValueError, match=rf"{TRAIN_LABELS} is not an idx file of labels.*a file of images"):
        load_mnist(tmp_path)


def test_labels_of_another_count_are_refused(tmp_path):
    write_set(tmp_path, packed=False)
    (tmp_path / TRAIN_LABELS).write_bytes(idx(np.zeros(59, np.uint8)))
    with pytest.raises(ValueError, match=r"train-labels.*59 labels.*train-images.*60 images"):
        load_mnist(tmp_path)


def test_labels_of_the_other_split_are_refused(tmp_path):
    files = write_set(tmp_path, packed=False)
    (tmp_path / TEST_LABELS).write_bytes(files[TRAIN_LABELS])
    with pytest.raises(ValueError, match=r"t10k-labels.*60 labels.*t10k-images.*20 images.*same split"):
        load_mnist(tmp_path)


def test_labels_outside_ten_classes_are_refused(tmp_path):
    write_set(tmp_path, packed=False)
    labels = np.zeros(60, np.uint8)
    labels[7] = 10
    (tmp_path / TRAIN_LABELS).write_bytes(idx(labels))
    with pytest.raises(ValueError, match=r"train-labels.*from 0 to 9; number 7 is 10"):
        load_mnist(tmp_path)


def test_images_of_another_size_are_refused(tmp_path):
    write_set(tmp_path, packed=False)
    (tmp_path / TEST_IMAGES).write_bytes(idx(np.zeros((20, 32, 32), np.uint8)))
    with pytest.raises(ValueError, match=r"t10k-images.*28 x 28.*32 x 32"):
        load_mnist(tmp_path)


def test_header_that_promises_more_than_memory_is_refused(tmp_path):
    write_set(tmp_path, packed=False)
    (tmp_path / TEST_IMAGES).write_bytes(bytes((0, 0, 8, 3)) + struct.pack(">3I", *[2**32 - 1] * 3))
    with pytest.raises(ValueError, match="cut short"):
        load_mnist(tmp_path)


def test_empty_set_is_refused(tmp_path):
    write_set(tmp_path, packed=False, n_test=0)
    with pytest.raises(ValueError, match="no images"):
        load_mnist(tmp_path)


def test_folder_that_is_not_one_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such folder"):
        load_mnist(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="is a file; give the folder"):
        load_mnist(tmp_path / "file")


def test_home_of_an_unknown_user_is_no_folder():
    with pytest.raises(FileNotFoundError, match="no such folder"):
        load_mnist("~nobody-of-that-name/mnist")


def test_missing_file_of_a_folder_is_named(tmp_path):
    write_set(tmp_path, packed=True)
    (tmp_path / f"{TEST_LABELS}.gz").unlink()
    with pytest.raises(FileNotFoundError, match=rf"expected {TEST_LABELS}\.gz.*found t10k-images"):
        load_mnist(tmp_path)


# -------------------------------------------------------------------------------------------- torchvision


def test_textbook_torchvision_line_downloads_nothing(tmp_path):
    """In a fresh process: the remedy for a CUDA torchvision beside a CPU torch is in effect there."""
    code = """
import socket
def refuse(*args, **kwargs):
    raise RuntimeError("network")
socket.socket.connect = socket.getaddrinfo = refuse
from softmax_lib.data import torchvision_root
from torchvision import datasets, transforms
for train in (True, False):
    mnist = datasets.MNIST(torchvision_root(), train=train, download=True, transform=transforms.ToTensor())
    print(len(mnist), tuple(mnist[0][0].shape), mnist[0][1])
"""
    out = run_python(code, TORCH_HOME=str(tmp_path))
    assert out == "60000 (1, 28, 28) 5\n10000 (1, 28, 28) 7\n"


def raw_files(root):
    return {path.name: path.read_bytes() for path in (root / "MNIST" / "raw").iterdir()}


def official_raw():
    return {name.removesuffix(".gz"): gzip.decompress((BUNDLED / name).read_bytes()) for name in MD5}


def test_torchvision_root_repairs_what_an_interruption_left(tmp_path):
    expected = official_raw()
    root = torchvision_root(tmp_path / "홍길동 폴더")
    raw = root / "MNIST" / "raw"
    (raw / TRAIN_IMAGES).write_bytes(expected[TRAIN_IMAGES][:1000])  # half a file
    (raw / TEST_LABELS).unlink()
    changed = bytearray(expected[TEST_IMAGES])
    changed[500] ^= 1
    (raw / TEST_IMAGES).write_bytes(changed)
    left_over = raw / f"{TRAIN_IMAGES}.abc.partial"
    left_over.write_bytes(b"of a killed process")
    os.utime(left_over, (time.time() - 3600,) * 2)
    assert torchvision_root(tmp_path / "홍길동 폴더") == root
    assert raw_files(root) == expected


def test_torchvision_root_killed_at_any_moment_is_repaired(tmp_path):
    code = "import sys; from softmax_lib.data import torchvision_root; print('go', flush=True); " + (
        "torchvision_root(sys.argv[1])"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(0.05)
        process.kill()
    sizes = {name: len(content) for name, content in official_raw().items()}
    for name, content in (raw_files(tmp_path) if (tmp_path / "MNIST" / "raw").exists() else {}).items():
        if not name.endswith(".partial"):
            assert len(content) == sizes[name]  # no half file under a final name
    torchvision_root(tmp_path)
    files = raw_files(tmp_path)
    assert {name: files[name] for name in sizes} == official_raw()


def test_two_torchvision_roots_at_once_both_succeed(tmp_path):
    code = "import sys; from softmax_lib.data import torchvision_root; torchvision_root(sys.argv[1])"
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert raw_files(tmp_path) == official_raw()


def test_torchvision_root_leaves_good_files_alone(tmp_path):
    root = torchvision_root(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (root / "MNIST" / "raw").iterdir()}
    torchvision_root(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in (root / "MNIST" / "raw").iterdir()} == before


def test_torchvision_root_on_a_file_says_what_to_give(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"can't be written.*torchvision_root\('some/folder'\).*TORCH_HOME"):
        torchvision_root(tmp_path / "file")


def test_matching_torchvision_is_left_alone(monkeypatch):
    def declared(*args):
        raise AssertionError("touched")

    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    monkeypatch.setattr(torch.library, "Library", declared)
    monkeypatch.setattr(torch.version, "cuda", None)
    for build in ("0.28.0", "0.28.0+cpu", None):
        monkeypatch.setattr(data, "torchvision_build", lambda build=build: build)
        assert not data.torchvision_needs_help()
        data._let_torchvision_import()
    monkeypatch.setattr(data, "torchvision_build", lambda: "0.28.0+cu130")
    assert data.torchvision_needs_help()
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert not data.torchvision_needs_help()
    data._let_torchvision_import()


@pytest.mark.parametrize("again", ["reload(data)", "del sys.modules['softmax_lib.data'], data"])
def test_importing_the_module_twice_keeps_torchvision_importable(again):
    lines = ["import sys", "from importlib import reload", "from softmax_lib import data", again]
    lines += ["import softmax_lib.data", "import torchvision.datasets", "reload(softmax_lib.data)"]
    run_python("; ".join(lines))


# ---------------------------------------------------------------------------------------- splits and targets


def test_split_refuses_what_is_not_images_and_labels():
    images, labels = torch.zeros(3, 28, 28, dtype=torch.uint8), torch.tensor([0, 1, 2])
    with pytest.raises(TypeError, match="uint8 tensor.*float32 tensor of shape"):
        Split(images.float(), labels)
    with pytest.raises(TypeError, match="NumPy array"):
        Split(images.numpy(), labels)
    with pytest.raises(ValueError, match=r"\(N, height, width\), not \(3, 1, 28, 28\)"):
        Split(images[:, None], labels)
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        Split(images, labels[:2])
    with pytest.raises(ValueError, match="from 0 to 9; found 10"):
        Split(images, torch.tensor([0, 10, 2]))


def test_split_is_cut_with_slices(mnist):
    part = mnist.train[:1000]
    assert len(part) == 1000 and torch.equal(part.labels, mnist.train.labels[:1000])
    with pytest.raises(TypeError, match="slice"):
        mnist.train[3]


@pytest.mark.parametrize("amount, count", [(0.1, 6000), (5000, 5000), (5000.0, 5000)])
def test_hold_out_divides_the_split_in_two(mnist, amount, count):
    rest, held_out = mnist.train.hold_out(amount, seed=3)
    assert (len(rest), len(held_out)) == (60_000 - count, count)
    numbered = Split(mnist.train.images, mnist.train.labels)
    again = numbered.hold_out(amount, seed=3)
    assert torch.equal(again[1].labels, held_out.labels)
    assert not torch.equal(numbered.hold_out(amount, seed=4)[1].labels, held_out.labels)
    together = rest.labels.bincount(minlength=10) + held_out.labels.bincount(minlength=10)
    assert torch.equal(together, mnist.train.labels.bincount())


@pytest.mark.parametrize("amount", [0, -1, 60_000, 1.0, 1.5, float("nan"), True])
def test_hold_out_refuses_other_amounts(mnist, amount):
    with pytest.raises(ValueError, match="hold out"):
        mnist.train.hold_out(amount)


TARGETS = torch.tensor([2, 0, 1])


@pytest.mark.parametrize(
    "targets, error, words",
    [
        (torch.eye(3, dtype=torch.int64), TypeError, r"one-hot rows.*argmax\(1\)"),
        (TARGETS[:, None], ValueError, r"squeeze\(1\)"),
        (TARGETS.float(), TypeError, r"found float32.*\.long\(\)"),
        (TARGETS.int(), TypeError, r"found int32.*\.long\(\)"),
        (TARGETS.bool(), TypeError, r"found bool"),
        (TARGETS.numpy(), TypeError, r"NumPy array.*torch\.as_tensor"),
        ([2, 0, 1], TypeError, r"a list.*torch\.as_tensor"),
        (torch.tensor([2, 0, 3]), ValueError, "from 0 to 2; found 3"),
        (torch.tensor([2, -1, 1]), ValueError, "found -1"),
        (torch.tensor([2, -100, 1]), ValueError, "found -100.*ignore"),
        (torch.tensor([[1.2, -0.2, 0]]).expand(3, 3), ValueError, "not be negative"),
        (torch.full((3, 3), 0.5), ValueError, "sum to 1; one sums to 1.5"),
        (torch.full((3, 3), float("nan")), ValueError, "negative|sum to 1"),
        (torch.tensor([0, 1]), ValueError, r"shape \(3,\)"),
        (torch.tensor(1), ValueError, r"found int64 of shape \(\)"),
    ],
    ids=lambda value: "" if isinstance(value, type) else None,
)
def test_wrong_targets_are_refused_in_plain_words(targets, error, words):
    with pytest.raises(error, match=words):
        check_targets(targets, num_rows=3, num_classes=3)


def test_right_targets_pass():
    check_targets(TARGETS, num_rows=3, num_classes=3)
    check_targets(torch.eye(3), num_rows=3, num_classes=3)
    check_targets(torch.full((3, 3), 1 / 3), num_rows=3, num_classes=3)
    check_targets(torch.tensor([[1.0]]), num_rows=1, num_classes=1)


# ---------------------------------------------------------------------------------------------------- batches


def test_batches_of_64_are_938_and_157_with_ragged_ends(mnist):
    for split, count, last in ((mnist.train, 938, 32), (mnist.test, 157, 16)):
        batches = Batches(split, 64)
        sizes = [len(labels) for _, labels in batches]
        assert len(batches) == len(sizes) == count and sizes[-1] == last and set(sizes[:-1]) == {64}


def test_batches_have_the_promised_types():
    images, labels = Batches(small_split(), 4).peek()
    assert images.shape == (4, 1, 28, 28) and images.dtype == torch.float32
    assert labels.shape == (4,) and labels.dtype == torch.int64
    assert 0 <= images.min() and images.max() <= 1


def test_pixels_are_exactly_totensors(mnist):
    from torchvision.transforms import ToTensor

    images, _ = Batches(mnist.test, 8).peek()
    theirs = torch.stack([ToTensor()(image.numpy()) for image in mnist.test.images[:8]])
    assert torch.equal(images, theirs)


def labels_of_an_epoch(batches):
    return torch.cat([labels for _, labels in batches])


def pixels_of_an_epoch(batches):
    return torch.cat([images for images, _ in batches])


def test_an_epoch_has_each_example_once_with_its_label():
    split = small_split(23)
    batches = Batches(split, 4, shuffle=True, seed=1)
    rows = [
        next(i for i in range(23) if torch.equal(split.images[i], pixels))
        for pixels in (pixels_of_an_epoch(batches) * 255).round().to(torch.uint8).squeeze(1)
    ]
    assert sorted(rows) == list(range(23)) and rows != list(range(23))
    batches.set_epoch(0)
    assert torch.equal(labels_of_an_epoch(batches), split.labels[rows])


def test_order_depends_on_seed_and_epoch_alone():
    split = small_split(50)
    one, two = Batches(split, 8, shuffle=True, seed=5), Batches(split, 8, shuffle=True, seed=5)
    first = labels_of_an_epoch(one)
    torch.rand(3)
    two.peek()
    next(iter(two))  # looks at a batch, begins no epoch
    assert torch.equal(labels_of_an_epoch(two), first)
    second = labels_of_an_epoch(one)
    assert not torch.equal(second, first)
    assert torch.equal(labels_of_an_epoch(two), second)
    two.set_epoch(0)
    assert torch.equal(labels_of_an_epoch(two), first)
    assert not torch.equal(labels_of_an_epoch(Batches(split, 8, shuffle=True, seed=6)), first)


def test_an_epoch_left_midway_is_not_counted():
    batches = Batches(small_split(50), 8, shuffle=True)
    _, labels = next(iter(batches))
    assert batches.epoch == 0
    assert torch.equal(batches.peek()[1], labels)


def test_shuffling_leaves_torchs_generator_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    labels_of_an_epoch(Batches(small_split(), 3, shuffle=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_batches_refuse_wrong_arguments():
    split = small_split()
    with pytest.raises(ValueError, match="batch_size must be a whole number, 1 or more; found 0"):
        Batches(split, 0)
    with pytest.raises(ValueError, match=r"found 2\.5"):
        Batches(split, 2.5)
    with pytest.raises(TypeError, match="Split such as mnist.train"):
        Batches(split.images, 4)
    with pytest.raises(ValueError, match="seed is a whole number"):
        Batches(split, 4, seed=-1)

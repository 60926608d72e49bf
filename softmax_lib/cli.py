"""``python -m softmax_lib train | evaluate | predict | doctor``: the course's network from the terminal."""

import argparse
import contextlib
import importlib.util
import os
import platform
import shlex
import signal
import sys
import textwrap
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

# torch and matplotlib are imported by the commands that use them, so that --help answers at once

TRAIN_HELP = """\
Train the lecture's network, 784-520-320-240-120-10 with ReLU, on the 60,000 training images of MNIST and test
it on the other 10,000 after each epoch.

The network returns logits; the loss is the cross-entropy, -log softmax(logits)[label], in nats. A network
that only guesses has a loss of ln 10 = 2.3026 and an accuracy of 0.10: that is where the first epoch starts.

  recipe     epochs  batch  lr    momentum  schedule
  lecture    9       64     0.01  0.5       none
  fast       3       128    0.1   0.9       one cycle, Nesterov

What you give wins over the recipe:  python -m softmax_lib train --epochs 3 --lr 0.05

After each epoch, and on Ctrl-C, DIR/checkpoint.pt holds all that the run needs to go on, to the same bits:
  python -m softmax_lib train --out DIR --resume
"""
EVALUATE_HELP = "Loss and accuracy of a trained network on the 10,000 test images, and what it confuses most."
PREDICT_HELP = """\
Read a drawing or a photo of one digit: dark ink on a light ground, or light on dark, of any size.

The picture is made into what MNIST holds: grey, inverted if needed, cropped to the ink, the longer side
scaled to 20 pixels, the centre of mass moved to the middle of 28 x 28. Then the three most probable classes
are printed. The probabilities say how sure the network is, not how right: notebook 9 looks into that.
"""
DOCTOR_HELP = "Look at Python, torch, torchvision, the device, the data and Jupyter; say what to do."
EXIT_CODES = """\
exit codes: 0 done, 1 failed (the message says why), 2 wrong usage, 130 stopped by Ctrl-C,
143 by SIGTERM (kill), 129 by SIGHUP (a closed terminal)"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.  arguments: those of the command line by default."""
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as in the Makefile; read when torch is imported
    if sys.stdout is not None and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack the letters of a path
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except BrokenPipeError:  # the reader, `| head` say, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except USERS_ERRORS as error:
        _tell(error, options)
        return 1
    except KeyboardInterrupt:
        if _is_first_process():
            print(f"softmax_lib {options.command}: stopped", file=sys.stderr)
        return 130


USERS_ERRORS = (OSError, ValueError, FloatingPointError)  # what a user can mend; others are our faults


def _tell(error: Exception, options: argparse.Namespace) -> None:
    """Print the error once: of several processes that have the same one, only the first does."""
    if not hasattr(error, "told"):
        if _is_first_process() or not getattr(error, "known_to_all", False):
            print(f"softmax_lib {options.command}: {error}", file=sys.stderr, flush=True)
        error.told = True


def _is_first_process() -> bool:
    return os.environ.get("RANK", "0") == "0"  # set by torchrun


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m softmax_lib",
        description="The softmax-classifier course from the terminal: train the network on MNIST, test it, "
        "let it read digits of your own.",
        epilog=EXIT_CODES,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name,
            help=text.partition("\n")[0],
            description=text,
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        return command

    train = add("train", _train, TRAIN_HELP)
    train.add_argument("--recipe", choices=("lecture", "fast"), help="default: lecture")
    train.add_argument("--epochs", type=int, help="passes over the training images")
    train.add_argument("--batch-size", type=int, help="images a step")
    train.add_argument("--lr", type=float, help="learning rate (its peak, with a one-cycle schedule)")
    train.add_argument("--momentum", type=float, help="share of the last step that is kept, in [0, 1)")
    train.add_argument(
        "--validation",
        type=amount,
        metavar="AMOUNT",
        help="training images to hold out and evaluate after each epoch: a fraction (0.1) or a number (5000)",
    )
    train.add_argument("--seed", type=int, help="of weights, batch order and hold-out; default: 0")
    train.add_argument("--out", type=Path, metavar="DIR", help="a folder for the results; default: runs/N")
    held = train.add_mutually_exclusive_group()
    held.add_argument("--overwrite", action="store_true", help="replace the results that DIR holds")
    held.add_argument("--resume", action="store_true", help="go on with the run in DIR, with its settings")

    evaluate = add("evaluate", _evaluate, EVALUATE_HELP)
    predict = add("predict", _predict, PREDICT_HELP)
    for command in (evaluate, predict):
        command.add_argument("model", type=Path, metavar="MODEL", help="a model.pt, or the folder it is in")
    predict.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="PNG, JPEG, …")
    for command in (train, evaluate):
        command.add_argument(
            "--data",
            type=Path,
            metavar="DIR",
            help="idx files under MNIST's names; default: the bundled MNIST",
        )
    for command in (train, evaluate, predict):
        command.add_argument("--device", default="auto", help="auto (CUDA, then MPS, then CPU), cpu, cuda, …")
    add("doctor", _doctor, DOCTOR_HELP)
    return parser


def amount(text: str) -> int | float:
    """0.1 is a fraction, 5000 a number of images."""
    return int(text) if text.isdecimal() else float(text)


# ------------------------------------------------------------------------------------------------------ train

RESULTS = ("model.pt", "history.csv", "curves.png", "confusion.png")
CHECKPOINT = "checkpoint.pt"


def _train(options: argparse.Namespace) -> int:
    if options.resume and options.out is None:
        if _is_first_process():
            print(
                "softmax_lib train: --resume needs --out DIR, the folder of the run to go on with",
                file=sys.stderr,
            )
        return 2
    from softmax_lib.distributed import ProcessLostError, process_group

    options.folder = options.out  # the run's; else runs/N, once it is made
    try:
        with _ended_by_signals(), process_group() as processes:
            try:
                return _train_together(options, processes)
            except ProcessLostError:
                raise
            except USERS_ERRORS as error:
                _tell(error, options)  # now: torchrun ends the others once the first of them has left
                raise
    except ProcessLostError as error:
        if options.folder is None:  # lost before the start
            raise
        raise ProcessLostError(f"{error}. {_how_to_go_on(options)}") from error
    except SystemExit as end:  # SIGTERM or SIGHUP
        if _is_first_process():
            with contextlib.suppress(OSError):
                print(f"softmax_lib train: ended by a signal. {_how_to_go_on(options)}", file=sys.stderr)
        return end.code


def _train_together(options: argparse.Namespace, processes) -> int:
    made = options.out is None or not options.out.exists()
    if not options.resume:  # before the training, not after it
        options.folder = processes.from_first(lambda: _result_folder(options.out, options.overwrite))
    try:
        return _train_into(options.folder, options, processes)
    finally:
        with contextlib.suppress(OSError):
            if made and processes.is_first:
                options.folder.rmdir()  # only if it is empty: after an error before the training


@contextlib.contextmanager
def _ended_by_signals():
    """SIGTERM and SIGHUP raise SystemExit inside, with the exit code that a shell gives them."""

    def end(signum, frame):
        raise SystemExit(128 + signum)

    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    previous = {}
    try:
        for signum in signals:
            if signal.getsignal(signum) is signal.SIG_DFL:  # under nohup, SIGHUP is ignored
                previous[signum] = signal.signal(signum, end)
        yield
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)


def _train_into(out: Path, options: argparse.Namespace, processes) -> int:
    import torch

    from softmax_lib.data import load_mnist
    from softmax_lib.models import mlp
    from softmax_lib.training import RECIPES, choose_device, describe_epoch, fit, read_history

    first = processes.is_first  # the one that writes and prints; under torchrun the others only compute
    checkpoint = out / CHECKPOINT

    def read():
        if not checkpoint.exists():
            raise FileNotFoundError(
                f"{checkpoint} does not exist: there is nothing to resume. "
                "Without --resume, a run begins there"
            )
        return read_history(checkpoint)

    earlier = None
    if options.resume:
        earlier = processes.from_first(read)
        _adopt(options, earlier, RECIPES)
    options.recipe = options.recipe or "lecture"
    options.seed = options.seed or 0
    with processes.together():
        device = processes.device(choose_device(options.device), options.device)
        mnist = load_mnist(options.data)
        torch.manual_seed(options.seed)
    model = mlp()
    num_parameters = sum(parameter.numel() for parameter in model.parameters())
    if first:
        where = _device_name(device) + (f", {processes.count} processes" if processes.count > 1 else "")
        print(f"784-520-320-240-120-10, {num_parameters:,} parameters, on {where}")
        sizes = f"{len(mnist.train):,} training and {len(mnist.test):,} test images"
        print(f"{sizes}; guessing has a loss of 2.3026")
        if earlier is not None:
            print(_where(earlier, options.epochs or RECIPES[options.recipe].epochs, checkpoint))
        print(end="", flush=True)

    try:
        history = fit(
            model,
            mnist.train,
            mnist.test,
            recipe=options.recipe,
            epochs=options.epochs,
            batch_size=options.batch_size,
            lr=options.lr,
            momentum=options.momentum,
            validation=options.validation or 0.0,
            seed=options.seed,
            device=device,
            checkpoint=checkpoint,
            resume=checkpoint if options.resume else None,
            after_epoch=lambda record, epochs: _print_line(describe_epoch(record, epochs)),
        )
    except FloatingPointError as error:
        if first and not error.history:  # no epoch to go on from
            checkpoint.unlink(missing_ok=True)
        raise
    with processes.together():
        if first:
            _finish(out, options, model, mnist.test, history)
    return 130 if history.interrupted else 0


def _finish(out: Path, options: argparse.Namespace, model, test, history) -> None:
    """Write and print the results, as far as there are any."""
    if len(history) == 0:
        print(f"softmax_lib train: stopped in the first epoch. {_how_to_go_on(options)}", file=sys.stderr)
        return
    _write_results(out, model, test, history)

    last = history[-1]
    correct = round(last.test_accuracy * len(test))
    training, evaluating = (sum(history.column(f"{what}_seconds")) for what in ("train", "evaluation"))
    print()
    print(f"test accuracy {last.test_accuracy:.4f} ({correct:,} of {len(test):,}), epoch {last.epoch}")
    print(f"training took {training:.1f} s, evaluating {evaluating:.1f} s")
    print(f"results: {', '.join(str(out / name) for name in RESULTS)}")
    print(_how_to_go_on(options) if history.interrupted else f"again:   {_command(options)}", flush=True)


def _adopt(options: argparse.Namespace, earlier, recipes: dict) -> None:
    """Take the settings that were not given from the earlier run; ``fit`` refuses those that differ."""
    if options.seed is None:
        options.seed = earlier.seed
    if options.validation is None:
        options.validation = earlier.validation or None
    if options.recipe in (None, earlier.recipe_name):
        options.recipe = earlier.recipe_name
        for name in ("epochs", "batch_size", "lr", "momentum"):
            value = getattr(earlier.recipe, name)
            if getattr(options, name) is None and value != getattr(recipes[options.recipe], name):
                setattr(options, name, value)


def _where(earlier, epochs: int, checkpoint: Path) -> str:
    if len(earlier) < epochs:
        within = f" and {earlier.batches_done} batches of the next" if earlier.batches_done else ""
        return f"going on after {len(earlier)} of {epochs} epochs{within}: {checkpoint}"
    more = "" if earlier.recipe.one_cycle else f". To train further: --epochs {len(earlier) + 1}"
    return f"this run is already finished: {len(earlier)} of {epochs} epochs, {checkpoint}{more}"


def _how_to_go_on(options: argparse.Namespace) -> str:
    resumed = argparse.Namespace(
        command="train", out=options.folder, data=options.data, device=options.device
    )
    return f"Go on:   {_command(resumed)} --resume"


def _print_line(line: str) -> None:
    from tqdm import tqdm

    tqdm.write(line)  # leaves a progress bar whole
    print(end="", flush=True)


def _result_folder(folder: Path | None, overwrite: bool) -> Path:
    """A folder that can be written to and holds no results of an earlier run, unless they may be replaced."""
    if folder is None:
        return _next_run_folder()
    held = [name for name in (*RESULTS, CHECKPOINT) if (folder / name).exists()]
    if held and not overwrite:
        go_on = ", go on with it with --resume" if CHECKPOINT in held else ""
        raise FileExistsError(
            f"{folder} holds the results of an earlier run ({', '.join(held)}). "
            f"Choose another --out{go_on}, or replace them with --overwrite"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise type(error)(
            f"{folder} can't be written to ({error.strerror}). Choose another folder with --out"
        ) from None
    return folder


def _next_run_folder() -> Path:
    """A new folder ``runs/N``, made at once, so that two runs never share one."""
    numbers = [int(path.name) for path in Path("runs").glob("*") if path.name.isdecimal()]
    folder = Path("runs") / str(max(numbers, default=0) + 1)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        if folder.exists():  # another run was quicker
            return _next_run_folder()
        raise type(error)(
            f"{folder} can't be written to ({error.strerror}). Choose another folder with --out"
        ) from None
    return folder


def _write_results(out: Path, model, test, history) -> None:
    import matplotlib

    matplotlib.use("Agg")  # files only: no window, no display needed
    from matplotlib.figure import Figure

    from softmax_lib import plots
    from softmax_lib.checkpoint import save_model, written_atomically
    from softmax_lib.functional import confusion_matrix
    from softmax_lib.training import predict_labels

    save_model(model, out / "model.pt")
    history.to_csv(out / "history.csv")
    curves = Figure(figsize=(7, 3.2), layout="constrained")
    for ax, metric in zip(curves.subplots(1, 2), ("loss", "accuracy"), strict=True):
        plots.training_curves(ax, history, metric)
    accuracy = history[-1].test_accuracy
    curves.suptitle(f"{accuracy:.1%} of the test digits after {len(history)} epochs")
    confusion = Figure(figsize=(6, 5.4), layout="constrained")
    matrix = confusion_matrix(test.labels.numpy(), predict_labels(model, test).numpy(), 10)
    plots.confusion(confusion.subplots(), matrix)
    for name, figure in (("curves.png", curves), ("confusion.png", confusion)):
        with written_atomically(out / name) as partial:
            figure.savefig(partial, format="png", dpi=150)


def _command(options: argparse.Namespace) -> str:
    """The command with the options that differ from the defaults, as it would be typed; the seed always."""
    defaults = vars(_parser().parse_args(["train"])) | {"recipe": "lecture"}
    words = ["python", "-m", "softmax_lib", "train"]
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        words = ["torchrun", "--nproc-per-node", os.environ["LOCAL_WORLD_SIZE"], *words[1:]]
    for name, value in vars(options).items():
        if name not in ("run", "resume", "folder") and value != defaults[name]:
            flag = f"--{name.replace('_', '-')}"
            words += [flag] if value is True else [flag, str(value)]
    return shlex.join(words)


# --------------------------------------------------------------------------------- evaluate, predict


def _load(path: Path):
    from softmax_lib.checkpoint import load_model
    from softmax_lib.models import mlp

    return load_model(mlp(), path / "model.pt" if path.is_dir() else path)


def _evaluate(options: argparse.Namespace) -> int:
    model = _load(options.model)

    from softmax_lib.data import Batches, load_mnist
    from softmax_lib.functional import confusion_matrix
    from softmax_lib.training import choose_device, evaluate, predict_labels

    device = choose_device(options.device)
    test = load_mnist(options.data).test
    metrics = evaluate(model.to(device), Batches(test, 1000, device=device))
    correct = round(metrics.accuracy * metrics.num_examples)
    print(f"test loss     {metrics.loss:.4f} nats (guessing: 2.3026)")
    print(f"test accuracy {metrics.accuracy:.4f} ({correct:,} of {metrics.num_examples:,})")

    matrix = confusion_matrix(test.labels.numpy(), predict_labels(model, test).numpy(), 10)
    errors = sorted(
        ((matrix[i, j], i, j) for i in range(10) for j in range(10) if i != j and matrix[i, j]), reverse=True
    )
    if errors:
        print("most often    " + ", ".join(f"{i} read as {j} ({count} times)" for count, i, j in errors[:3]))
    return 0


def _predict(options: argparse.Namespace) -> int:
    model = _load(options.model)
    import torch

    from softmax_lib.digits import load_image, prepare_digit
    from softmax_lib.training import choose_device, evaluation_mode

    device = choose_device(options.device)
    model.to(device)
    failed = False
    for path in options.images:
        try:
            pixels = prepare_digit(load_image(path))  # (28, 28) float32 in [0, 1]
        except (OSError, ValueError) as error:  # the other pictures are read all the same
            message = str(error) if str(path) in str(error) else f"{path}: {error}"
            print(f"softmax_lib predict: {message}", file=sys.stderr)
            failed = True
            continue
        with evaluation_mode(model), torch.no_grad():
            logits = model(torch.from_numpy(pixels)[None, None].to(device))  # (1, 10)
        probs, classes = logits.softmax(dim=1).squeeze(0).topk(3)
        top = ", ".join(f"{c} ({p:.3f})" for c, p in zip(classes.tolist(), probs.tolist(), strict=True))
        print(f"{path}: {top}")
    return int(failed)


# ----------------------------------------------------------------------------------------------------- doctor


def _doctor(options: argparse.Namespace) -> int:
    problems = [check() for check in (_check_python, _check_torch, _check_data, _check_jupyter)]
    found = sum(problems)
    print(f"\n{found} problem{'s' * (found > 1)} found; see 'do' above" if found else "\nall is well")
    return int(found > 0)


def _say(subject: str, finding: str, todo: str = "") -> None:
    print(f"{subject:<12} {finding}")
    if todo:
        print(textwrap.fill(f"do: {todo}", 100, initial_indent=" " * 13, subsequent_indent=" " * 17))


def _check_python() -> int:
    wrong = sys.version_info < (3, 11)
    _say(
        "Python",
        f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "install Python 3.11 or newer" if wrong else "",
    )
    for name in ("numpy", "matplotlib", "pillow", "tqdm"):
        try:
            _say(name, metadata.version(name))
        except metadata.PackageNotFoundError:
            _say(name, "missing", f"pip install -c constraints.txt {name}")
            wrong = True
    return int(wrong)


def _check_torch() -> int:
    try:
        import torch

        from softmax_lib.data import torchvision_build, torchvision_needs_help
        from softmax_lib.training import choose_device
    except (ImportError, OSError) as error:
        _say("torch", f"can't be imported ({error})", "pip install -c constraints.txt torch torchvision")
        return 1
    kind = f"CUDA {torch.version.cuda}" if torch.version.cuda else "ROCm" if torch.version.hip else "CPU"
    _say("torch", f"{torch.__version__} ({kind} build)")

    problem = 0
    vision = torchvision_build()
    pair = tuple(part.split(".")[1] for part in (torch.__version__, vision or "0.0"))
    if vision is None:
        _say("torchvision", "missing", "pip install -c constraints.txt torchvision (notebook 6 uses it)")
        problem = 1
    elif int(pair[1]) != int(pair[0]) + 15:  # torch 2.13 and torchvision 0.28, 2.12 and 0.27, …
        _say(
            "torchvision",
            f"{vision}, not made for torch {torch.__version__}",
            "pip install -c constraints.txt torch torchvision (together)",
        )
        problem = 1
    else:
        try:
            from torchvision import datasets  # noqa: F401

            helped = " (another build than torch's; softmax_lib.data lets it import)"
            _say("torchvision", vision + (helped if torchvision_needs_help() else ""))
        except Exception as error:  # whatever a broken build raises
            reason = str(error).partition("\n")[0]
            _say(
                "torchvision",
                f"{vision} can't be imported beside torch {torch.__version__}: {reason}",
                "pip install --force-reinstall -c constraints.txt torch torchvision (together, one source)",
            )
            problem = 1
    _say("device", _device_name(choose_device()))
    return problem


def _device_name(device) -> str:
    import torch

    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads)"
    return str(device)


def _check_data() -> int:
    try:
        from softmax_lib.data import load_mnist

        mnist = load_mnist()
    except (OSError, ValueError) as error:
        _say("MNIST", "damaged", str(error))
        return 1
    except ImportError as error:
        _say("MNIST", f"not looked at ({error})")
        return 0
    _say("MNIST", f"{len(mnist.train):,} + {len(mnist.test):,} images, the four SHA-256 sums are right")
    return 0


def _check_jupyter() -> int:
    advice = "pip install -c constraints.txt -e '.[lab]', or: make lab"
    missing = [
        name for name in ("jupyterlab", "ipykernel", "ipywidgets") if not importlib.util.find_spec(name)
    ]
    if missing:
        _say("Jupyter", f"not installed: {', '.join(missing)} (only the notebooks need it)", advice)
        return 0
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        program = Path(KernelSpecManager().get_kernel_spec("python3").argv[0])
    except NoSuchKernel:
        _say("Jupyter", "no kernel named python3", f"{sys.executable} -m ipykernel install --sys-prefix")
        return 1
    same = not program.is_absolute() or program.resolve() == Path(sys.executable).resolve()
    _say(
        "Jupyter",
        f"JupyterLab {metadata.version('jupyterlab')}; the kernel python3 runs {program}",
        "" if same else f"it is another Python: {sys.executable} -m ipykernel install --sys-prefix",
    )
    return int(not same)

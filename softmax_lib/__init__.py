"""The helper library of the softmax-classifier course: what would distract in a lesson, and nothing else.

An idea is derived in a notebook and imported from here in the later ones, under the same name.

===============  ===================================================  =================
module           holds                                                first used in
===============  ===================================================  =================
``functional``   softmax, log-sum-exp, cross-entropy, its gradient    notebooks 1 to 4
``gradcheck``    numerical gradients and the relative error           notebook 4
``toy``          data small enough to see: points of two features     notebook 4
``plots``        figures on a given ``Axes``                          notebook 6
``data``         MNIST in memory, batches, a root for torchvision     notebook 6
``models``       the linear classifier and the MLP: both give logits  notebooks 6 and 7
``training``     ``train_epoch``, ``evaluate``, ``fit``, its history  notebook 7
``watch``        what those three keep an eye on                      with ``training``
``graphs``       training steps on a GPU, recorded and replayed       with ``training``
``checkpoint``   model files and checkpoints, written atomically      notebook 7
``distributed``  several processes, each a share of every batch       notebook 10
``digits``       a photo or drawing made into what MNIST holds        notebook 9
``results``      tables of experiments: the course's, and yours       notebook 10
``checks``       checks of the exercises that name the mistake        notebook 1
``widgets``      playgrounds, to be tried with mouse or keyboard      notebook 1
``lazy``         names that are loaded when first used                with those two
``cli``          ``python -m softmax_lib train | evaluate | …``       the terminal
===============  ===================================================  =================

``import softmax_lib`` loads none of them, so a NumPy-only notebook never waits for torch.
"""

__version__ = "0.1.0"

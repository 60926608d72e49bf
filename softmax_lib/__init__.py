"""The helper library of the softmax-classifier course: what would distract in a lesson, and nothing else.

An idea is derived in a notebook and imported from here in the later ones, under the same name.

====================  ==========================================================  ==================
module                holds                                                       first used in
====================  ==========================================================  ==================
``functional``        softmax, log-sum-exp, cross-entropy and its gradient, in    notebooks 1 to 4
                      NumPy
``gradcheck``         numerical gradients and the relative error, in NumPy        notebook 4
``toy``               data small enough to see: 2-feature blobs                   notebooks 1 and 4
``plots``             figures on a given ``Axes``                                 notebook 1
``data``              MNIST in memory, batches, a root folder for torchvision     notebook 6
``models``            the linear classifier and the MLP; both return logits       notebooks 6 and 7
``training``          ``train_epoch``, ``evaluate``, ``fit`` and its history        notebook 7
``watch``             what those three keep an eye on                             with ``training``
``checkpoint``        model files, written atomically                             notebook 7
``digits``            a photo or a drawing made into what MNIST holds             notebook 9
``cli``               ``python -m softmax_lib train | evaluate | predict |        the terminal
                      doctor``
====================  ==========================================================  ==================

``import softmax_lib`` loads none of them, so a NumPy-only notebook never waits for torch.
"""

__version__ = "0.1.0"

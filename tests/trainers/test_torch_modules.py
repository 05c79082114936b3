"""Modules that an objective holds, as users change them: gradients stay torch's own, or a sentence says why not."""

import copy
import pickle
import threading
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from trainers.algorithms.async_bc import AsyncBC
from trainers.algorithms.async_sgd import AsyncSGD
from trainers.algorithms.sync_sgd import SyncSGD
from trainers.problems.torch_loss import TorchObjective, small_cnn
from wirelessenv import ConfigError

RNG = np.random.default_rng(0)
INPUTS, CLASSES = RNG.normal(size=(40, 6)).astype(np.float32), RNG.integers(0, 3, 40)


def pickled(value):
    return pickle.loads(pickle.dumps(value))  # noqa: S301  # our own bytes


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def net():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


def objective(module, **options):
    return TorchObjective(module, INPUTS, CLASSES, clients=[range(10), range(10, 40)], batch=8, **options)


def expected(module, x, rows, loss=functional.cross_entropy):
    """The gradient at x of a copy of the module, by torch alone."""
    module = copy.deepcopy(module)
    learned = [one for one in module.parameters() if one.requires_grad]
    with torch.no_grad():
        for one, part in zip(learned, np.split(x, np.cumsum([one.numel() for one in learned])[:-1]), strict=True):
            one.copy_(torch.tensor(part).view(one.shape))
    cost = loss(module(torch.tensor(INPUTS[rows])), torch.tensor(CLASSES[rows]))
    return np.concatenate([one.numpy().ravel() for one in torch.autograd.grad(cost, learned)])


def right(problem, module):
    """True where gradients of both clients are torch's own, and not 0."""
    x = problem.starts([3])[0] + np.float32(0.1)
    for client, rows in enumerate((np.arange(10), np.arange(10, 40))):
        found = problem.gradient(client, x)
        assert np.abs(found).max() > 1e-3
        np.testing.assert_allclose(found, expected(module, x, rows), rtol=1e-5, atol=1e-7)


def another_objective(module, problem):
    test = TorchObjective(module, INPUTS[:5], CLASSES[:5])
    test.cost(0, test.starts([0])[0])


def trained_otherwise(module, problem):
    optimiser = torch.optim.SGD(module.parameters(), 0.1)
    for _ in range(3):
        optimiser.zero_grad()
        functional.cross_entropy(module(torch.tensor(INPUTS)), torch.tensor(CLASSES)).backward()
        optimiser.step()


def assigned(module, problem):
    module[0].weight = nn.Parameter(torch.ones(5, 6))


def layer_replaced(module, problem):
    module[2] = nn.Linear(5, 3)


TOUCHES = {
    "nothing": lambda module, problem: None,
    "second objective": another_objective,
    "zero_grad to none": lambda module, problem: module.zero_grad(set_to_none=True),
    "zero_grad": lambda module, problem: module.zero_grad(set_to_none=False),
    "load_state_dict": lambda module, problem: module.load_state_dict(net().state_dict()),
    "load_state_dict, assigned": lambda module, problem: module.load_state_dict(net().state_dict(), assign=True),
    "share_memory": lambda module, problem: module.share_memory(),
    "double and back": lambda module, problem: module.double().float(),
    "train and eval": lambda module, problem: module.train().eval(),
    "an optimiser": trained_otherwise,
    "assignment": assigned,
    "layer replaced": layer_replaced,
    "nan": lambda module, problem: [one.data.fill_(float("nan")) for one in module.parameters()],
    "data replaced": lambda module, problem: [setattr(one, "data", torch.zeros_like(one)) for one in module.parameters()],
    "copied": lambda module, problem: copy.deepcopy(module),
    "pickled": lambda module, problem: pickled(module),
    "freed and frozen": lambda module, problem: module.requires_grad_(False).requires_grad_(True),
    "memory format": lambda module, problem: module.to(memory_format=torch.contiguous_format),
}


@pytest.mark.parametrize("touch", TOUCHES)
def test_whatever_happens_to_the_module_gradients_are_torch_s(touch):
    module = net()
    problem = objective(module)
    right(problem, module)
    TOUCHES[touch](module, problem)
    right(problem, module)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda module: module.double(), "0.weight: float32 of shape (5, 6) on cpu, learned, now float64 of shape (5, 6)"),
        (lambda module: module.half(), "now float16"),
        (lambda module: module.to("meta"), "on meta"),
        (lambda module: module.requires_grad_(False), "now float32 of shape (5, 6) on cpu, frozen"),
        (lambda module: module[2].bias.requires_grad_(False), "2.bias"),
        (lambda module: module.append(nn.Linear(3, 3)), "3.weight: none, now float32 of shape (3, 3)"),
        (lambda module: module.pop(2), "2.weight: float32 of shape (3, 5) on cpu, learned, now none"),
        (lambda module: setattr(module, "2", nn.Linear(5, 4)), "now float32 of shape (4, 5)"),
        (lambda module: module[0].register_parameter("bias", None), "0.bias"),
    ],
)
def test_a_module_that_is_no_longer_the_same_is_refused(change, said):
    module = net()
    problem, x = objective(module), objective(module).starts([0])[0]
    change(module)
    for evaluate in (problem.gradient, problem.cost):
        with pytest.raises(
            ConfigError, match="module: its parameters are not those that the objective was made with"
        ) as caught:
            evaluate(0, x)
        assert said in str(caught.value)


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
@pytest.mark.parametrize("method", [AsyncBC, AsyncSGD, SyncSGD])
def test_a_copied_learner_goes_on_as_the_first_does_and_neither_disturbs_the_other(method, copied):
    alone = method(objective(net()), step_size=[0.05, 0.1], seed=[0, 1]).learn(30)
    first = method(objective(net()), step_size=[0.05, 0.1], seed=[0, 1]).learn(10)
    second = copied(first)
    for _ in range(10):
        first.learn(2)
        second.learn(2)
    np.testing.assert_array_equal(first.solution, alone.solution)
    np.testing.assert_array_equal(second.solution, alone.solution)
    assert np.abs(alone.solution - alone.problem.starts([0, 1])).max() > 0.01


def test_two_learners_with_one_objective_and_two_objectives_of_one_module():
    module = net()
    train, test = objective(module), TorchObjective(module, INPUTS[::-1], CLASSES[::-1])
    alone = AsyncSGD(objective(net()), step_size=0.1).learn(20)
    one, two = AsyncSGD(train, step_size=0.1), AsyncSGD(train, step_size=0.2)
    for _ in range(20):
        one.learn(1)
        test.mean_cost(two.learn(1).solution)
    np.testing.assert_array_equal(one.solution, alone.solution)
    assert test.mean_cost(one.solution) == pytest.approx(
        np.mean(train.cost(np.arange(2), one.solution[..., None, :]) @ [0.25, 0.75])
    )


def test_the_module_keeps_its_own_parameters_until_it_is_given_others():
    module = net()
    before, slope = copy.deepcopy(module.state_dict()), torch.ones(5, 6)
    module[0].weight.grad = slope
    problem = objective(module)
    learner = AsyncSGD(problem, step_size=0.1).learn(30)
    for name, one in module.state_dict().items():
        assert torch.equal(one, before[name])
    assert torch.equal(module[0].weight.grad, slope)
    x = learner.solution[0, 0]
    problem.set_parameters(x)
    with torch.no_grad():
        cost = functional.cross_entropy(module(torch.tensor(INPUTS[:10])), torch.tensor(CLASSES[:10]))
    assert cost.item() == pytest.approx(problem.cost(0, x), rel=1e-6)
    with pytest.raises(ConfigError, match=r"x: an array \(1, 53\)"):
        problem.set_parameters(learner.solution[0])


def test_an_evaluation_that_fails_leaves_the_module_as_it_was():
    module, broken = net(), []

    def loss(outputs, targets):
        if broken:
            raise KeyError("mine")
        return functional.cross_entropy(outputs, targets)

    problem, before = objective(module, loss=loss), copy.deepcopy(module.state_dict())
    broken.append(True)
    with pytest.raises(ConfigError, match="module: it cannot be evaluated on these inputs and targets: KeyError: 'mine'"):
        problem.gradient(0, np.zeros(problem.size))
    assert all(torch.equal(one, before[name]) for name, one in module.state_dict().items())


def test_gradients_are_on_even_where_the_caller_switched_them_off():
    module = net()
    with torch.inference_mode():
        problem = TorchObjective(module, torch.tensor(INPUTS), torch.tensor(CLASSES), clients=[range(10), range(10, 40)])
        x = problem.starts([0])[0]
        found = problem.gradient(0, x)
    with torch.no_grad():
        np.testing.assert_array_equal(problem.gradient(0, x), found)
    np.testing.assert_allclose(found, expected(module, x, np.arange(10)), rtol=1e-5, atol=1e-7)


def test_threads_take_turns():
    module = net()
    problems = [objective(module), objective(module)]
    points = [problem.starts([seed])[0] for seed, problem in enumerate(problems)]
    answers = [problem.gradient(1, x) for problem, x in zip(problems, points, strict=True)]
    wrong = []

    def work(number):
        for _ in range(60):
            found = problems[number].gradient(1, points[number])
            wrong.extend([number] if not np.array_equal(found, answers[number]) else [])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.second.weight = self.first.weight
        self.alias = [self.last.weight]  # a name that no table of parameters has
        self.register_buffer("shift", torch.tensor(0.5))

    def forward(self, inputs):
        return functional.linear(self.second(self.first(inputs).tanh()) + self.shift, self.alias[0], self.last.bias)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.last = nn.LSTM(2, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, inputs):
        return self.last(self.cell(inputs.view(-1, 3, 2))[0][:, -1])


class Ones(nn.Module):
    """A parameter without axes, an empty one, and one that is not used."""

    def __init__(self):
        super().__init__()
        self.scale, self.none, self.unused = (nn.Parameter(torch.ones(shape)) for shape in ((), (3, 0), (2,)))
        self.last = nn.Linear(6, 3)

    def forward(self, inputs):
        return self.last(inputs) * self.scale


KINDS = {
    "tied": Tied,
    "recurrent": Recurrent,
    "parametrized": lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(6, 4)), nn.Tanh(), nn.Linear(4, 3)),
    "orthogonal": lambda: nn.Sequential(parametrizations.orthogonal(nn.Linear(6, 6)), nn.Tanh(), nn.Linear(6, 3)),
    "scripted": lambda: torch.jit.script(net()),
    "compiled": lambda: torch.compile(net(), backend="eager"),
    "convolution": lambda: nn.Sequential(nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 2, 2), nn.Flatten(), nn.Linear(4, 3)),
}


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # it still exists
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_module_has_torch_s_gradient(kind):
    module = KINDS[kind]()
    problem = objective(module)
    right(problem, module)
    module.zero_grad()
    another_objective(module, problem)
    right(problem, module)


def test_parameters_that_are_not_used_have_the_gradient_0():
    problem = objective(Ones())
    slopes = problem.gradient(0, problem.starts([0])[0])
    np.testing.assert_array_equal(slopes[1:3], 0)  # after the scale
    assert (slopes[[0, 3]] != 0).all()
    assert problem.hessian_product(0, problem.starts([0])[0], np.ones(problem.size)).shape == (problem.size,)


def test_a_loss_may_look_at_the_parameters():
    """Weight decay as many write it: parameters that the loss reads are the point's."""
    module = net()
    problem = objective(module, loss=lambda out, targets: 0 * out.sum() + sum((one**2).sum() for one in module.parameters()))
    x = problem.starts([0])[0]
    np.testing.assert_allclose(problem.gradient(0, x), 2 * x, rtol=1e-6)


def test_frozen_parameters_and_buffers_are_read_as_they_stand():
    module = net()
    module[0].requires_grad_(False)
    problem = objective(module)
    assert problem.size == 18
    right(problem, module)
    module.load_state_dict({name: one + 1 for name, one in module.state_dict().items()})
    right(problem, module)


def test_sparse_gradients_are_filled_in():
    module = nn.Sequential(nn.Embedding(5, 3, sparse=True))
    words, classes = np.arange(8) % 4, np.arange(8) % 3
    problem = TorchObjective(module, words, classes)
    dense = TorchObjective(nn.Sequential(nn.Embedding(5, 3)), words, classes)
    x = dense.starts([0])[0]
    np.testing.assert_array_equal(problem.gradient(0, x), dense.gradient(0, x))
    np.testing.assert_array_equal(problem.gradient(0, x)[-3:], 0)


class Noisy(nn.Module):
    """Dropout, or a count, that no type of layer tells."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.last = kind, nn.Linear(6, 3)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, inputs):
        if self.kind == "dropout":
            return functional.dropout(self.last(inputs), training=self.training)
        if self.kind == "count":
            self.seen += 1
        if self.kind == "doubled":
            return self.last(inputs) * (2 if self.training else 1)
        return self.last(inputs)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Noisy("dropout"), "module: is not valid: it draws random numbers as it computes"),
        (lambda: Noisy("count"), "module: is not valid: it changes seen as it computes"),
        (lambda: nn.Sequential(nn.LSTM(6, 3, 2, dropout=0.5)), "draws random numbers|cannot be evaluated"),
        (lambda: nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3)), "module: 1, BatchNorm1d"),
        (lambda: nn.Linear(6, 3).to("meta"), "module: weight is not valid: it is float32 of shape .* on meta"),
        (lambda: nn.Linear(6, 3).bfloat16(), "module: weight is not valid: it is bfloat16"),
        (lambda: nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 3).double()), "module: 1.weight is not valid: it is float64"),
        (lambda: nn.Linear(6, 3).requires_grad_(False), "module: is not valid: it has no parameters to learn"),
        (lambda: nn.Linear(4, 3), "module: it cannot be evaluated on these inputs and targets: RuntimeError: mat1"),
        (lambda: nn.Linear(6, 2), "module: it cannot be evaluated on these inputs and targets: IndexError: Target 2"),
        (lambda: net, "module: function is not valid: it should be a torch.nn.Module"),
        (lambda: None, "module: NoneType is not valid"),
    ],
)
def test_modules_that_cannot_be_learned_are_refused_when_the_objective_is_made(make, said):
    with pytest.raises(ConfigError, match=said):
        objective(make())


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_lazy_modules_are_to_be_called_first():
    module = nn.LazyLinear(3)
    with pytest.raises(ConfigError, match=r"module: is not valid: .*uninitialized"):
        objective(module)
    module(torch.tensor(INPUTS))
    right(objective(module), module)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (
            lambda out, target: functional.cross_entropy(out, target, reduction="none"),
            r"loss: a tensor \(8,\) of torch.float32",
        ),
        (lambda out, target: functional.cross_entropy(out, target).item(), "loss: float is not valid"),
        (lambda out, target: out.argmax(1).eq(target).sum(), r"loss: a tensor \(\) of torch.int64"),
        (lambda out, target: functional.cross_entropy(out, target).detach(), "loss: is not valid: it has no gradient"),
        (lambda out, target: torch.ones((), requires_grad=True), "its cost depends on none of the parameters"),
        (lambda out, target: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda out: out.sum(), "cannot be evaluated on these inputs and targets: TypeError"),
        (nn.AdaptiveLogSoftmaxWithLoss(3, 5, [2, 3], div_value=1), "loss: its parameter head.weight would not be learned"),
        (None, "TypeError"),
    ],
)
def test_losses_that_are_none_are_refused_when_the_objective_is_made(loss, said):
    with pytest.raises(ConfigError, match=said):
        objective(net(), loss=loss)


def test_a_cost_that_is_nan_is_seen():
    problem = objective(net(), loss=lambda out, target: out.sum() * float("nan"))
    x = problem.starts([0])[0]
    assert np.isnan(problem.gradient(0, x)).any()
    assert np.isnan(problem.cost(0, x))
    assert not AsyncSGD(problem).learn(20).finite().any()


def test_a_module_whose_cost_depends_on_its_mode_keeps_it():
    for kind in ("doubled", "dropout"):
        module = Noisy(kind).eval()
        problem = objective(module)
        right(problem, module)
        module.train()
        with pytest.raises(ConfigError, match="module: it was put into another mode"):
            problem.gradient(0, problem.starts([0])[0])
        module.eval()
        right(problem, module)


def test_the_check_leaves_no_trace():
    module = small_cnn(1, 4)
    module[0].eval()
    state, random = copy.deepcopy(module.state_dict()), torch.get_rng_state()
    TorchObjective(module, np.zeros((2, 1, 4, 4), np.float32), [0, 1])
    assert all(torch.equal(one, state[name]) for name, one in module.state_dict().items())
    assert all(one.grad is None for one in module.parameters())
    assert torch.equal(torch.get_rng_state(), random)
    assert [part.training for part in module.modules()] == [True, False, *[True] * 7]


@pytest.mark.parametrize(
    "inputs",
    [
        INPUTS.tolist(),
        torch.tensor(INPUTS, requires_grad=True),
        INPUTS.astype(np.float64),
        INPUTS.astype(">f4"),
        np.asfortranarray(INPUTS),
        np.broadcast_to(INPUTS, (1, 40, 6))[0],  # read-only
        np.ascontiguousarray(INPUTS[::-1])[::-1],
    ],
)
def test_inputs_come_in_many_forms(inputs):
    module = net()
    right(TorchObjective(module, inputs, CLASSES.astype(np.uint8), clients=[range(10), range(10, 40)]), module)


@pytest.mark.parametrize(
    ("inputs", "targets", "said"),
    [
        (INPUTS, CLASSES[:7], "inputs: 40 for 7 targets"),
        (INPUTS[:0], CLASSES[:0], "inputs: 0 for 0 targets"),
        ("images", CLASSES, "inputs: 'images' is not valid"),
        (None, CLASSES, "inputs: None is not valid"),
        (3.0, CLASSES, "inputs: 3.0 is not valid"),
        (INPUTS, [[1], [1, 2]], "targets: .* is not valid"),
        (INPUTS * 1j, CLASSES, "inputs: .* real numbers"),
    ],
)
def test_inputs_and_targets_that_are_none_are_named(inputs, targets, said):
    with pytest.raises(ConfigError, match=said):
        TorchObjective(net(), inputs, targets)


def test_a_gradient_that_fails_is_a_sentence():
    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(context, inputs):
            return inputs.clone()

        @staticmethod
        def backward(context, slope):
            raise KeyError("mine")

    with pytest.raises(ConfigError, match="module: it has no gradient: KeyError: 'mine'"):
        objective(net(), loss=lambda out, target: functional.cross_entropy(Broken.apply(out), target))


def test_steps_are_the_same_whatever_their_number_at_once():
    problem = objective(net())
    x = problem.starts([0, 1, 2])
    together = problem.gradient(0, x)
    assert all(np.array_equal(problem.gradient(0, one), row) for one, row in zip(x, together, strict=True))
    assert all(not np.array_equal(one, other) for one, other in pairwise(together))

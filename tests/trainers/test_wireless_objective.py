import numpy as np
import pytest
import torch

from trainers.problems.policies import PolicySettings
from trainers.problems.wireless_objective import WirelessObjective

SCENARIO = {"preset": "dense", "transmitters": 5, "hops": 3}


@pytest.fixture(scope="module")
def objective():
    return WirelessObjective(SCENARIO, PolicySettings(hidden=(4,)), seed=2, batch=6, bank_slots=15, evaluation_slots=20)


@pytest.fixture(scope="module")
def points(objective):
    return objective.start(np.random.default_rng(0)) + 0.3 * np.random.default_rng(1).normal(size=(2, 3, objective.size))


def by_hand(objective, client, x, slots, undecided=0.0):
    """f_i of one point: slot by slot, receiver by receiver, in double precision."""
    layers = [x[:12].reshape(3, 4), x[12:16], x[16:20].reshape(4, 1), x[20:]]
    total = 0.0
    for slot in slots:
        inputs, cross, wanted = (
            np.asarray(part[slot], float) for part in (objective._features, objective._cross, objective._wanted)
        )
        power = [10 / (1 + np.exp(-(np.maximum(y @ layers[0] + layers[1], 0) @ layers[2] + layers[3])[0])) for y in inputs]
        heard = sum(cross[client, j] * power[j] for j in range(5) if j != client)
        logit = np.log(power[client] / (10 - power[client]))
        total -= np.log2(1 + wanted[client] * power[client] / (heard + 1.0)) - undecided * logit**2
    return total / len(slots)


def test_costs_are_those_of_the_network_worked_out_by_hand(objective, points):
    clients, sample = np.array([4, 0, 2]), np.random.default_rng(3).integers(15, size=(3, 6))
    costs = objective.cost(clients, points, sample)
    exact = objective.cost(1, points)
    for v in range(2):
        for k, client in enumerate(clients):
            assert costs[v, k] == pytest.approx(by_hand(objective, client, points[v, k], sample[k]), rel=1e-4)
            assert exact[v, k] == pytest.approx(by_hand(objective, 1, points[v, k], range(15)), rel=1e-4)


def test_squared_logits_are_part_of_the_cost_where_they_have_a_weight(points):
    settings = {"seed": 2, "batch": 6, "bank_slots": 15, "evaluation_slots": 20, "undecided": 0.1}
    weighted = WirelessObjective(SCENARIO, PolicySettings(hidden=(4,)), **settings)
    for x in points[0]:
        assert weighted.cost(1, x) == pytest.approx(by_hand(weighted, 1, x, range(15), 0.1), rel=1e-4)
    assert weighted.mean_cost(points[0, 0]) == pytest.approx(
        np.mean([by_hand(weighted, client, points[0, 0], range(15), 0.1) for client in range(5)]), rel=1e-4
    )


def test_gradients_and_hessian_products_agree_with_finite_differences(objective, points):
    clients, sample = np.array([4, 0, 2]), np.random.default_rng(3).integers(15, size=(3, 6))
    vector = np.random.default_rng(4).normal(size=objective.size)
    gradient, product = objective.gradient(clients, points, sample), objective.hessian_product(clients, points, vector, sample)
    assert gradient.shape == product.shape == points.shape
    step = 1e-5  # few of the kinks of relu lie within it
    for k, client in enumerate(clients):
        x = points[1, k]
        difference = [by_hand(objective, client, x + s * step * vector, sample[k]) for s in (1, 0, -1)]
        assert gradient[1, k] @ vector == pytest.approx((difference[0] - difference[2]) / (2 * step), rel=1e-3, abs=1e-4)
        curvature = (difference[0] - 2 * difference[1] + difference[2]) / step**2
        assert product[1, k] @ vector == pytest.approx(curvature, rel=2e-2, abs=1e-3)


def test_the_mean_over_clients_is_the_mean_of_the_clients(objective, points):
    clients = np.arange(5)
    np.testing.assert_allclose(
        objective.mean_gradient(points), objective.gradient(clients, points[..., None, :]).mean(-2), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(objective.mean_cost(points), objective.cost(clients, points[..., None, :]).mean(-1), rtol=1e-5)


def test_utility_is_that_of_the_other_learners_on_the_same_slots(objective, points):
    everybody = torch.from_numpy(points[0, 0].astype(np.float32)).expand(1, 5, 1, -1)
    assert objective.utility(points[:, :, None])[0, 0] == pytest.approx(
        float(objective.problem.evaluate(everybody)[0, 0]), rel=1e-5
    )
    copies = np.stack([points[0, 0]] * 4 + [points[1, 2]])
    mixed = everybody.clone()
    mixed[0, 4] = torch.from_numpy(points[1, 2].astype(np.float32))
    assert objective.utility(copies) == pytest.approx(float(objective.problem.evaluate(mixed)[0, 0]), rel=1e-5)


def test_descent_on_the_bank_raises_the_utility_on_other_slots():
    objective = WirelessObjective("dense", seed=0, bank_slots=100, evaluation_slots=100)
    x = objective.start(np.random.default_rng(0))
    before = objective.utility(x[None])
    for _ in range(150):
        x = x - 0.5 * objective.mean_gradient(x)
    assert objective.utility(x[None]) > 1.1 * before

"""Programs in the idiom of the deep learning tutorials run under Theano's names, and learn."""
from collections import OrderedDict

import numpy
import pytest

pytestmark = pytest.mark.usefixtures("theano")


@pytest.fixture(scope="module", autouse=True)
def floatX(theano):
    """The tutorials are run in float32."""
    with theano.change_flags(floatX="float32"):
        yield


@pytest.fixture(scope="module")
def rng():
    return numpy.random.RandomState(1234)


@pytest.fixture(scope="module")
def data(rng):
    """Two bars in one of four places, and the place."""
    y = rng.randint(0, 4, 200)
    x = rng.uniform(0, 0.3, (200, 16))
    x[numpy.arange(200), 4 * y] += 0.7
    x[numpy.arange(200), 4 * y + 1] += 0.7
    return x.astype("float32"), y.astype("int32")


def shared_data(data):
    import theano
    import theano.tensor as T
    x, y = data
    shared_y = theano.shared(numpy.asarray(y, dtype=theano.config.floatX), borrow=True)
    return theano.shared(x, borrow=True), T.cast(shared_y, "int32")


def weights(rng, n_in, n_out, name="W"):
    import theano
    bound = numpy.sqrt(6.0 / (n_in + n_out))
    value = numpy.asarray(rng.uniform(low=-bound, high=bound, size=(n_in, n_out)),
                          dtype=theano.config.floatX)
    return theano.shared(value=value, name=name, borrow=True)


def zeros(n, name="b"):
    import theano
    return theano.shared(value=numpy.zeros((n,), dtype=theano.config.floatX), name=name,
                         borrow=True)


def falls(losses):
    return losses[-1] < 0.7 * losses[0]


# ----- a multilayer perceptron -----

def test_mlp(rng, data):
    import theano
    import theano.tensor as T
    x, y = T.matrix("x"), T.ivector("y")
    params = [weights(rng, 16, 8), zeros(8), weights(rng, 8, 4), zeros(4)]
    hidden = T.tanh(T.dot(x, params[0]) + params[1])
    p_y_given_x = T.nnet.softmax(T.dot(hidden, params[2]) + params[3])
    L1 = abs(params[0]).sum() + abs(params[2]).sum()
    L2_sqr = (params[0] ** 2).sum() + (params[2] ** 2).sum()
    cost = -T.mean(T.log(p_y_given_x)[T.arange(y.shape[0]), y]) + 0.0001 * L1 + 0.0001 * L2_sqr
    train_x, train_y = shared_data(data)
    index = T.lscalar("index")
    train_model = theano.function(
        inputs=[index], outputs=cost,
        updates=[(param, param - 0.5 * T.grad(cost, param)) for param in params],
        givens={x: train_x[index * 20:(index + 1) * 20], y: train_y[index * 20:(index + 1) * 20]})
    errors = theano.function([], T.mean(T.neq(T.argmax(p_y_given_x, axis=1), y)),
                             givens=[(x, train_x), (y, train_y)])
    losses = [numpy.mean([train_model(i) for i in range(10)]) for _ in range(15)]
    assert falls(losses)
    assert errors() < 0.1
    assert params[0].get_value().dtype == numpy.float32


# ----- denoising autoencoders -----

class dA:
    """A denoising autoencoder with tied weights."""

    def __init__(self, numpy_rng, theano_rng, input, n_visible, n_hidden):
        self.W, self.b = weights(numpy_rng, n_visible, n_hidden), zeros(n_hidden)
        self.b_prime, self.W_prime = zeros(n_visible, "bvis"), self.W.T
        self.theano_rng, self.x = theano_rng, input
        self.params = [self.W, self.b, self.b_prime]

    def get_corrupted_input(self, input, corruption_level):
        import theano
        return self.theano_rng.binomial(size=input.shape, n=1, p=1 - corruption_level,
                                        dtype=theano.config.floatX) * input

    def get_hidden_values(self, input):
        import theano.tensor as T
        return T.nnet.sigmoid(T.dot(input, self.W) + self.b)

    def get_cost_updates(self, corruption_level, learning_rate):
        import theano.tensor as T
        y = self.get_hidden_values(self.get_corrupted_input(self.x, corruption_level))
        z = T.nnet.sigmoid(T.dot(y, self.W_prime) + self.b_prime)
        L = -T.sum(self.x * T.log(z) + (1 - self.x) * T.log(1 - z), axis=1)
        cost = T.mean(L)
        gparams = T.grad(cost, self.params)
        return cost, [(param, param - learning_rate * gparam)
                      for param, gparam in zip(self.params, gparams)]


def test_stacked_denoising_autoencoders(rng, data):
    import theano
    import theano.tensor as T
    from theano.sandbox.rng_mrg import MRG_RandomStreams
    from theano.tensor.shared_randomstreams import RandomStreams
    x = T.matrix("x")
    first = dA(rng, RandomStreams(rng.randint(2 ** 30)), x, 16, 8)
    second = dA(rng, MRG_RandomStreams(rng.randint(2 ** 30)), first.get_hidden_values(x), 8, 4)
    corruption, rate = T.scalar("corruption"), T.scalar("lr")
    for layer in (first, second):
        cost, updates = layer.get_cost_updates(corruption, rate)
        train = theano.function(
            inputs=[theano.In(corruption, value=0.2), theano.In(rate, value=0.1)],
            outputs=cost, updates=updates, givens={x: shared_data(data)[0]})
        losses = [float(train()) for _ in range(30)]
        assert numpy.mean(losses[-5:]) < numpy.mean(losses[:5])
        assert numpy.isfinite(train(corruption=0.0, lr=0.0))


# ----- a restricted Boltzmann machine -----

def test_rbm(rng, data):
    import theano
    import theano.tensor as T
    from theano.tensor.shared_randomstreams import RandomStreams
    theano_rng = RandomStreams(rng.randint(2 ** 30))
    x = T.matrix("x")
    W, hbias, vbias = weights(rng, 16, 10), zeros(10, "hbias"), zeros(16, "vbias")
    persistent = theano.shared(numpy.zeros((20, 10), dtype=theano.config.floatX), borrow=True)

    def free_energy(v_sample):
        wx_b = T.dot(v_sample, W) + hbias
        return -T.sum(T.log(1 + T.exp(wx_b)), axis=1) - T.dot(v_sample, vbias)

    def sample(pre_activation):
        mean = T.nnet.sigmoid(pre_activation)
        return mean, theano_rng.binomial(size=mean.shape, n=1, p=mean, dtype=theano.config.floatX)

    def gibbs_hvh(h0_sample):
        v_mean, v_sample = sample(T.dot(h0_sample, W.T) + vbias)
        h_mean, h_sample = sample(T.dot(v_sample, W) + hbias)
        return [v_mean, v_sample, h_mean, h_sample]

    [_, nv_samples, _, nh_samples], updates = theano.scan(
        gibbs_hvh, outputs_info=[None, None, None, persistent], n_steps=5, name="gibbs_hvh")
    chain_end = nv_samples[-1]
    cost = T.mean(free_energy(x)) - T.mean(free_energy(chain_end))
    params = [W, hbias, vbias]
    for gparam, param in zip(T.grad(cost, params, consider_constant=[chain_end]), params):
        updates[param] = param - gparam * T.cast(0.05, dtype=theano.config.floatX)
    updates[persistent] = nh_samples[-1]
    index = T.lscalar("index")
    train_x, _ = shared_data(data)
    train = theano.function([index], cost, updates=updates,
                            givens={x: train_x[index * 20:(index + 1) * 20]}, name="train_rbm")
    before = W.get_value()
    costs = [train(i % 10) for i in range(30)]
    assert numpy.isfinite(costs).all()
    assert not numpy.array_equal(before, W.get_value())
    assert set(numpy.unique(persistent.get_value())) <= {0.0, 1.0}


# ----- recurrent networks -----

def test_rnn(rng):
    import theano
    import theano.tensor as T
    x, y = T.matrix("x"), T.vector("y")
    Wx, Wh, Wo, bh, h0 = [weights(rng, 1, 6), weights(rng, 6, 6), weights(rng, 6, 1), zeros(6),
                          zeros(6)]

    def recurrence(x_t, h_tm1):
        h_t = T.tanh(T.dot(x_t, Wx) + T.dot(h_tm1, Wh) + bh)
        return [h_t, T.dot(h_t, Wo)]

    [_, s], _ = theano.scan(fn=recurrence, sequences=x, outputs_info=[h0, None],
                            n_steps=x.shape[0])
    cost = T.mean((s[:, 0] - y) ** 2)
    params = [Wx, Wh, Wo, bh, h0]
    rate = T.scalar("lr")
    updates = OrderedDict((p, p - rate * g) for p, g in zip(params, T.grad(cost, params)))
    train = theano.function(inputs=[x, y, rate], outputs=cost, updates=updates)
    t = numpy.linspace(0, 6, 30, dtype="float32")
    losses = [train(numpy.sin(t)[:, None], numpy.cos(t), 0.1) for _ in range(60)]
    assert falls(losses)


def test_lstm_with_masks_and_adadelta(rng):
    import theano
    from theano import config, tensor
    from theano.sandbox.rng_mrg import MRG_RandomStreams as RandomStreams

    def numpy_floatX(value):
        return numpy.asarray(value, dtype=config.floatX)

    n, dim = 6, 5
    tparams = OrderedDict(
        Wemb=theano.shared(numpy_floatX(0.1 * rng.randn(n, dim)), name="Wemb"),
        W=theano.shared(numpy_floatX(0.3 * rng.randn(dim, 4 * dim)), name="lstm_W"),
        U=theano.shared(numpy_floatX(0.3 * rng.randn(dim, 4 * dim)), name="lstm_U"),
        b=zeros(4 * dim, "lstm_b"), V=weights(rng, dim, 2, "U"), c=zeros(2, "b"))
    x, mask = tensor.matrix("x", dtype="int64"), tensor.matrix("mask", dtype=config.floatX)
    y = tensor.vector("y", dtype="int64")
    emb = tparams["Wemb"][x.flatten()].reshape([x.shape[0], x.shape[1], dim])

    def _slice(_x, i):
        return _x[:, i * dim:(i + 1) * dim]

    def _step(m_, x_, h_, c_):
        preact = tensor.dot(h_, tparams["U"]) + x_
        i, f, o = [tensor.nnet.sigmoid(_slice(preact, k)) for k in range(3)]
        c = f * c_ + i * tensor.tanh(_slice(preact, 3))
        c = m_[:, None] * c + (1. - m_)[:, None] * c_
        h = o * tensor.tanh(c)
        return m_[:, None] * h + (1. - m_)[:, None] * h_, c

    state_below = tensor.dot(emb, tparams["W"]) + tparams["b"]
    start = tensor.alloc(numpy_floatX(0.), x.shape[1], dim)
    (proj, _), _ = theano.scan(_step, sequences=[mask, state_below], outputs_info=[start, start],
                               name="lstm__layers", n_steps=state_below.shape[0])
    proj = (proj * mask[:, :, None]).sum(axis=0) / mask.sum(axis=0)[:, None]
    use_noise = theano.shared(numpy_floatX(1.))
    proj = tensor.switch(use_noise, proj * RandomStreams(123).binomial(
        proj.shape, p=0.9, n=1, dtype=proj.dtype), proj * 0.9)
    pred = tensor.nnet.softmax(tensor.dot(proj, tparams["V"]) + tparams["c"])
    cost = -tensor.log(pred[tensor.arange(x.shape[1]), y] + 1e-6).mean()
    cost += 0.0001 * (tparams["V"] ** 2).sum()
    grads = tensor.grad(cost, wrt=list(tparams.values()))

    old = [[theano.shared(p.get_value() * numpy_floatX(0.), name=f"{k}_{what}")
            for k, p in tparams.items()] for what in ("grad", "rup2", "rgrad2")]
    zipped, running_up2, running_grads2 = old
    f_grad_shared = theano.function(
        [x, mask, y], cost, name="adadelta_f_grad_shared",
        updates=list(zip(zipped, grads)) + [(rg2, 0.95 * rg2 + 0.05 * (g ** 2))
                                            for rg2, g in zip(running_grads2, grads)])
    updir = [-tensor.sqrt(ru2 + 1e-6) / tensor.sqrt(rg2 + 1e-6) * zg
             for zg, ru2, rg2 in zip(zipped, running_up2, running_grads2)]
    lr = tensor.scalar(name="lr")
    f_update = theano.function(
        [lr], [], name="adadelta_f_update", on_unused_input="ignore",
        updates=[(ru2, 0.95 * ru2 + 0.05 * (ud ** 2)) for ru2, ud in zip(running_up2, updir)]
        + [(p, p + ud) for p, ud in zip(tparams.values(), updir)])

    words = rng.randint(1, n, (8, 20))
    labels = (words[0] > n // 2).astype("int64")
    words[1:] = numpy.where(labels, n - 1, 1)
    keep = numpy_floatX(numpy.arange(8)[:, None] < rng.randint(4, 9, 20))
    losses = []
    for _ in range(60):
        losses.append(f_grad_shared(words, keep, labels))
        f_update(10.0)
    assert falls(losses)
    use_noise.set_value(0.)
    assert (theano.function([x, mask], pred.argmax(axis=1))(words, keep) == labels).mean() > 0.9


# ----- hybrid Monte Carlo: scans with conditions -----

def test_hmc(rng):
    import theano
    import theano.tensor as TT
    from theano import function, shared
    s_rng = TT.shared_randomstreams.RandomStreams(42)

    def energy(position):
        return (position ** 2).sum(axis=1) / 2

    def leapfrog(pos, vel, step):
        new_pos = pos + step * vel
        return [new_pos, vel - step * TT.grad(energy(new_pos).sum(), new_pos)], {}

    positions = shared(rng.randn(50, 2).astype("float32"))
    stepsize = shared(numpy.float32(0.2))
    initial_vel = s_rng.normal(size=positions.shape, dtype="float32")
    (all_pos, all_vel), scan_updates = theano.scan(
        leapfrog, outputs_info=[{"initial": positions}, {"initial": initial_vel}],
        non_sequences=[stepsize], n_steps=5)
    assert not scan_updates
    rise = energy(all_pos[-1]) + energy(all_vel[-1]) - energy(positions) - energy(initial_vel)
    accept = TT.exp(-rise) - s_rng.uniform(size=(50,), dtype="float32") >= 0
    moved = TT.switch(accept.dimshuffle(0, "x"), all_pos[-1], positions)
    simulate = function([], accept.mean(), updates=[(positions, moved)])
    assert numpy.mean([simulate() for _ in range(40)]) > 0.9
    assert 0.6 < positions.get_value().var() < 1.6

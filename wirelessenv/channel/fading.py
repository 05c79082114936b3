"""Small-scale fading: |f|^2 for every link and slot, in blocks of slots.

A law is stateless; what it must remember from slot to slot (an autoregressive process) is handed back to its caller and
returned with the next call, so that a run can be saved and resumed. All laws here have the same code for numpy and
torch: they use the draws of a `Sampler` and arithmetic.
"""

import math
from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

from array_api_compat import array_namespace
from pydantic import Field, model_validator

from wirelessenv.channel.sampling import Sampler
from wirelessenv.channel.waves import SPEED_OF_LIGHT, bessel_j0
from wirelessenv.config import Count, NonNegative, Piece, Positive
from wirelessenv.memory import Part, part


class Span(NamedTuple):
    """Consecutive slots, and the links in them."""

    slots: int
    receivers: int
    transmitters: int
    slot_seconds: float
    """duration of a slot"""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slots, receivers, transmitters): the shape of a law's draws for each run."""
        return self[:3]


class Amplitudes(NamedTuple):
    """Amplitude f of a block of slots: |f|^2 is the square of (direct + scatter[0]) plus those of the other parts."""

    scatter: list[Any]
    """real and imaginary part, of mean 0, or the real one alone: each (runs, slots, receivers, transmitters) float32"""
    direct: float
    """the constant part of f"""
    state: Any
    """after the block"""


class Fading(Piece):
    """A law of the small-scale gain |f|^2; the channel's gain is the mean gain times it."""

    complex_law: ClassVar[bool] = False
    """True where `amplitudes` says what f is: bands can then be correlated."""

    @abstractmethod
    def block(self, sampler: Sampler, span: Span, state: Any) -> tuple[Any, Any]:
        """Small-scale gains of the next slots.

        Args:
            sampler: the source of all random numbers.
            span: the slots and links.
            state: what the last block returned, left as it is; None at the start.

        Returns:
            The gains |f|^2, linear, (runs, slots, receivers, transmitters) float32, a new array that the caller may change; and
            the state after the block.
        """

    def amplitudes(self, sampler: Sampler, span: Span, state: Any) -> "Amplitudes":
        """The amplitude f of the next slots, of a law that has one.

        Args:
            sampler: the source of all random numbers.
            span: the slots and links.
            state: what the last block returned, left as it is; None at the start.

        Returns:
            Its parts, new arrays that the caller may change, and the state after the block.
        """
        raise NotImplementedError(f"{type(self).__name__}: has no method amplitudes, though it says that it has one")

    def parts(self, *links: tuple[str, int]) -> tuple[Part, ...]:
        """The memory that is taken beside the gains.

        Args:
            links: settings and their values, whose product is the number of links in all runs.

        Returns:
            Parts with the names of the settings that they grow with; here none.
        """
        return ()


class Rayleigh(Fading):
    """f ~ CN(0, 1), fresh every slot: |f|^2 is exponential with mean 1."""

    kind: Literal["rayleigh"] = "rayleigh"
    complex_law = True

    def block(self, sampler: Sampler, span: Span, state: Any) -> tuple[Any, Any]:
        return sampler.exponential(*span.shape), None

    def amplitudes(self, sampler: Sampler, span: Span, state: Any) -> Amplitudes:
        parts = sampler.normal(span.slots, 2, *span.shape[1:])
        parts *= math.sqrt(0.5)
        return Amplitudes([parts[:, :, 0], parts[:, :, 1]], 0.0, None)


class Rician(Fading):
    """f = sqrt(k / (k + 1)) + sqrt(1 / (k + 1)) CN(0, 1), fresh every slot, k = `k_factor`; E|f|^2 = 1.

    The phase of the direct path does not enter |f|^2. k = 0 is Rayleigh fading in law.
    """

    kind: Literal["rician"] = "rician"
    k_factor: NonNegative = 1.0
    complex_law = True

    def block(self, sampler: Sampler, span: Span, state: Any) -> tuple[Any, Any]:
        (real, imaginary), direct, _ = self.amplitudes(sampler, span, state)
        return (direct + real) ** 2 + imaginary**2, None

    def amplitudes(self, sampler: Sampler, span: Span, state: Any) -> Amplitudes:
        parts = sampler.normal(span.slots, 2, *span.shape[1:])
        scatter = math.sqrt(0.5 / (self.k_factor + 1))
        direct = math.sqrt(self.k_factor / (self.k_factor + 1))
        return Amplitudes([scatter * parts[:, :, 0], scatter * parts[:, :, 1]], direct, None)


class RealAR1(Fading):
    """Real first-order autoregression x[t] = memory x[t-1] + innovation w[t], w ~ N(0, 1); the gain is x^2.

    It starts in its stationary law N(0, innovation^2 / (1 - memory^2)), which has not variance 1 in general. The defaults,
    sqrt(1 - 0.3) and sqrt(0.3), are those of the code of Behmandpoor et al. (2024): variance 1, E x^2 = 1 as of CN(0, 1)
    fading, but Var x^2 = 2 instead of 1, and gains a slot apart have the correlation memory^2 = 0.7.
    """

    kind: Literal["real_ar1"] = "real_ar1"
    memory: Annotated[NonNegative, Field(lt=1)] = math.sqrt(1 - 0.3)
    innovation: Annotated[Positive, Field(le=1e6)] = math.sqrt(0.3)
    complex_law = True

    def block(self, sampler: Sampler, span: Span, state: Any) -> tuple[Any, Any]:
        (values,), _, state = self.amplitudes(sampler, span, state)
        return values**2, state

    def amplitudes(self, sampler: Sampler, span: Span, state: Any) -> Amplitudes:
        if state is None:
            stationary = self.innovation / math.sqrt(1 - self.memory**2)
            state = stationary * sampler.normal(1, *span.shape[1:])[:, 0]
        values = self.innovation * sampler.normal(*span.shape)
        for slot in range(span.slots):
            values[:, slot] += self.memory * state
            state = values[:, slot]
        return Amplitudes([values], 0.0, state * 1)


class NoFading(Fading):
    """f = 1: the gain is the mean gain in every slot."""

    kind: Literal["none"] = "none"
    complex_law = True

    def block(self, sampler: Sampler, span: Span, state: Any) -> tuple[Any, Any]:
        return sampler.ones(*span.shape), None

    def amplitudes(self, sampler: Sampler, span: Span, state: Any) -> Amplitudes:
        return Amplitudes([0 * sampler.ones(*span.shape)], 1.0, None)


class DopplerFading(Fading):
    """Base class of the fading laws of moving terminals: the largest Doppler shift f_d.

    It is given in Hz as `doppler`, or follows from a `speed` in m/s and a `carrier` frequency in Hz:
    f_d = speed carrier / c. It belongs to the law alone: terminals that a scenario's `mobility` moves have the same one.
    """

    complex_law = True
    doppler: Annotated[NonNegative, Field(le=1e9)] | None = Field(None, description="Hz")
    speed: Annotated[NonNegative, Field(le=SPEED_OF_LIGHT)] | None = Field(None, description="m/s")
    carrier: Annotated[Positive, Field(le=1e15)] | None = Field(None, description="Hz")

    @model_validator(mode="after")
    def _doppler_is_given_in_one_way(self) -> Self:
        ways = (self.doppler is not None, self.speed is not None, self.carrier is not None)
        if ways not in ((True, False, False), (False, True, True)):
            given = ", ".join(f"{k} {v}" for k in ("doppler", "speed", "carrier") if (v := getattr(self, k)) is not None)
            raise ValueError(
                f"doppler: {given or 'nothing'} is not valid: give doppler in Hz, or speed in m/s and carrier in Hz, and "
                "null for what a preset gives of the other"
            )
        return self

    @property
    def shift(self) -> float:
        """The largest Doppler shift f_d in Hz."""
        if self.doppler is not None:
            return self.doppler
        assert self.speed is not None
        assert self.carrier is not None
        return self.speed * self.carrier / SPEED_OF_LIGHT

    def block(self, sampler: Sampler, span: Span, state: Any) -> tuple[Any, Any]:
        real, imaginary, state = self.coefficients(sampler, span, state)
        return real * real + imaginary * imaginary, state

    def amplitudes(self, sampler: Sampler, span: Span, state: Any) -> Amplitudes:
        real, imaginary, state = self.coefficients(sampler, span, state)
        return Amplitudes([real, imaginary], 0.0, state)

    @abstractmethod
    def coefficients(self, sampler: Sampler, span: Span, state: Any) -> tuple[Any, Any, Any]:
        """The complex fading f of the next slots.

        Args:
            sampler: the source of all random numbers.
            span: the slots and links.
            state: what the last block returned, left as it is; None at the start.

        Returns:
            Real and imaginary part of f, each (runs, slots, receivers, transmitters) float32, and the state after them.
        """


class GaussMarkov(DopplerFading):
    """f[t] = rho f[t-1] + sqrt(1 - rho^2) CN(0, 1), rho = J0(2 pi f_d T); it starts in its stationary law CN(0, 1).

    |f|^2 is exponential with mean 1 in every slot. The autocorrelation is rho^k: Jakes' at a lag of one slot alone, and
    geometric beyond (Nasir and Guo, Deep Actor-Critic Learning for Distributed Power Control in Wireless Mobile Networks,
    2020).
    """

    kind: Literal["gauss_markov"] = "gauss_markov"

    def correlation(self, slot_seconds: float) -> float:
        """Rho: the correlation of f in two consecutive slots."""
        return bessel_j0(2 * math.pi * self.shift * slot_seconds)

    def coefficients(self, sampler: Sampler, span: Span, state: Any) -> tuple[Any, Any, Any]:
        links = span.shape[1:]
        rho = self.correlation(span.slot_seconds)
        if state is None:
            state = math.sqrt(0.5) * sampler.normal(1, 2, *links)[:, 0]
        values = sampler.normal(span.slots, 2, *links)
        values *= math.sqrt(0.5 * (1 - rho**2))
        for slot in range(span.slots):
            values[:, slot] += rho * state
            state = values[:, slot]
        return values[:, :, 0], values[:, :, 1], state + 0


class Jakes(DopplerFading):
    """f[t] = sum_n exp(j (phi_n + 2 pi f_d T t cos alpha_n)) / sqrt(N), N = `sinusoids`: waves from all around.

    Arrival angles alpha_n and phases phi_n are independent and uniform, drawn once for every link. Over the draws, E|f|^2 =
    1 and E f[t + k] f[t]* = J0(2 pi f_d T k) exactly, for any N and at every lag (Clarke 1968, Jakes 1974). f tends to CN(0,
    1) as N grows: E|f|^4 = 2 - 1/N, and cov(|f[t]|^2, |f[t + k]|^2) = (1 - 1/N) J0^2. One link's average over time keeps
    the marks of its own N angles.
    """

    kind: Literal["jakes"] = "jakes"
    sinusoids: Annotated[Count, Field(le=1000)] = 16

    def coefficients(self, sampler: Sampler, span: Span, state: Any) -> tuple[Any, Any, Any]:
        # Phasors are turned slot by slot: the same products however slots are cut, and quicker than sines of t. In 64 bits
        # their length drifts by less than 1e-6 in 10^9 slots.
        waves, turn = self._start(sampler, span) if state is None else state
        xp = array_namespace(waves)
        waves = waves * 1  # a new array, which is turned in place
        real, imaginary = sampler.ones(*span.shape), sampler.ones(*span.shape)
        for slot in range(span.slots):
            total = waves.sum(1)
            real[:, slot], imaginary[:, slot] = xp.real(total), xp.imag(total)
            waves *= turn
        scale = 1 / math.sqrt(self.sinusoids)
        real *= scale
        imaginary *= scale
        return real, imaginary, [waves, turn]

    def parts(self, *links: tuple[str, int]) -> tuple[Part, ...]:
        return (part(96, ("fading.sinusoids", self.sinusoids), *links),)

    def _start(self, sampler: Sampler, span: Span) -> tuple[Any, Any]:
        """The waves of slot 0, and what turns each of them from slot to slot: (runs, N, receivers, transmitters) complex."""
        drawn = sampler.uniform(1, 2, self.sinusoids, *span.shape[1:])[:, 0]
        xp = array_namespace(drawn)
        angle, phase = 2 * math.pi * xp.astype(drawn[:, 0], xp.float64), 2 * math.pi * xp.astype(drawn[:, 1], xp.float64)
        turn = 2 * math.pi * self.shift * span.slot_seconds * xp.cos(angle)
        return xp.exp(1j * phase), xp.exp(1j * turn)

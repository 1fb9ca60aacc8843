"""Quantized arithmetic, bit for bit as TensorFlow Lite's reference kernels do it.

The board (micro/kernels/fixed_point.h) has the same multiplication; everything else is done here once, by the exporter:
real factors become a multiplier and a shift, functions of one int8 value become tables.
"""

import math

import numpy as np

INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1


def quantize_multiplier(real: float) -> tuple[int, int]:
    """`real` >= 0 as (multiplier, shift): multiplier x 2^(shift - 31), the multiplier 0 or in 2^30..2^31 - 1."""
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = _round(fraction * (1 << 31))
    if multiplier == 1 << 31:
        multiplier, shift = 1 << 30, shift + 1
    return (0, 0) if shift < -31 else (multiplier, shift)


def multiply(x: int, multiplier: int, shift: int) -> int:
    """`x` times the factor that `quantize_multiplier` gave, rounded twice."""
    return divide_by_power_of_two(multiply_high(_wrap(x << max(shift, 0)), multiplier), max(-shift, 0))


def multiply_high(a: int, b: int) -> int:
    """a x b / 2^31 to the nearest, halves upwards."""
    return min((a * b + (1 << 30)) >> 31, INT32_MAX)


def divide_by_power_of_two(x: int, exponent: int) -> int:
    """x / 2^exponent to the nearest, halves away from zero."""
    if exponent == 0:
        return x
    return (x + (1 << (exponent - 1)) - (x < 0)) >> exponent


def mean_multiplier(real: float, num_pixels: int) -> tuple[int, int]:
    """`real` / num_pixels as (multiplier, shift), with the precision that the reference keeps."""
    multiplier, shift = quantize_multiplier(real)
    extra = min(num_pixels.bit_length() - 1, 32, 31 + shift)
    return (multiplier << extra) // num_pixels, shift - extra


def requantize_table(
    input_scale: float, input_zero_point: int, output_scale: float, output_zero_point: int
) -> np.ndarray:
    """(256,) int8: what QUANTIZE makes of -128..127."""
    multiplier, shift = quantize_multiplier(input_scale / output_scale)
    values = (multiply(x - input_zero_point, multiplier, shift) + output_zero_point for x in range(-128, 128))
    return np.array([min(max(value, -128), 127) for value in values], np.int8)


def logistic_table(input_scale: float, input_zero_point: int) -> np.ndarray:
    """(256,) int8 of scale 1/256 and zero point -128: what LOGISTIC makes of -128..127."""
    integer_bits = 4
    fraction, shift = math.frexp(input_scale * (1 << (31 - integer_bits)))
    multiplier = _round(fraction * (1 << 31))
    radius = _input_radius(integer_bits, shift)
    table = []
    for x in range(-128, 128):
        centred = x - input_zero_point
        if abs(centred) >= radius:
            table.append(-128 if centred < 0 else 127)
        else:
            real = _logistic(multiply(centred, multiplier, shift), integer_bits)
            table.append(min(max(divide_by_power_of_two(real, 23) - 128, -128), 127))
    return np.array(table, np.int8)


def softmax_table(input_scale: float, beta: float) -> np.ndarray:
    """(256,) int32 in steps of 2^-31: exp(beta x input_scale x (i - 255)), 0 where the reference leaves it out.

    Raises ValueError where beta x input_scale is too small for the reference.
    """
    integer_bits = 5
    real = min(beta * input_scale * (1 << (31 - integer_bits)), float(INT32_MAX))
    if real <= 1:
        raise ValueError("too small")
    multiplier, shift = quantize_multiplier(real)
    radius = _input_radius(integer_bits, shift)
    table = [
        _exp_on_negative_values(multiply_high(_wrap(-distance << shift), multiplier), integer_bits)
        if distance <= radius
        else 0
        for distance in range(255, -1, -1)
    ]
    return np.array(table, np.int32)


def _input_radius(integer_bits: int, shift: int) -> int:
    """The greatest input distance that keeps `integer_bits` integer bits after a left shift."""
    return math.floor(((1 << integer_bits) - 1) * (1 << (31 - integer_bits)) / 2.0**shift)


def _round(x: float) -> int:
    """To the nearest, halves away from zero."""
    return math.floor(x + 0.5) if x >= 0 else math.ceil(x - 0.5)


def _wrap(x: int) -> int:
    """Modulo 2^32, signed."""
    return (x + (1 << 31)) % (1 << 32) - (1 << 31)


def _shift_left(x: int, exponent: int) -> int:
    """x 2^exponent, saturated."""
    return min(max(x << exponent, INT32_MIN), INT32_MAX)


def _logistic(x: int, integer_bits: int) -> int:
    """1 / (1 + exp(-x)) in steps of 2^-31; x has `integer_bits` integer bits."""
    if x == 0:
        return 1 << 30
    positive = _reciprocal_of_one_plus(_exp_on_negative_values(-abs(x), integer_bits))
    return positive if x > 0 else INT32_MAX - positive


def _reciprocal_of_one_plus(x: int) -> int:
    """1 / (1 + x) for x in 0..1, both in steps of 2^-31: Newton and Raphson from 48/17 - 32/17 d, d = (1 + x) / 2."""
    half_denominator = (x + INT32_MAX + 1) // 2
    estimate = 1515870810 + multiply_high(half_denominator, -1010580540)  # in steps of 2^-29
    for _ in range(3):
        error = (1 << 29) - multiply_high(half_denominator, estimate)
        estimate += _shift_left(multiply_high(estimate, error), 2)
    return _shift_left(estimate, 1)


# exp(-2^k) in steps of 2^-31 for k = -2..4.
_EXP_OF_POWERS = (
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)


def _exp_on_negative_values(x: int, integer_bits: int) -> int:
    """exp(x) in steps of 2^-31; x <= 0 has `integer_bits` integer bits, at most 5."""
    if x == 0:
        return INT32_MAX
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    part = (x & (quarter - 1)) - quarter  # in -1/4..0
    result = _exp_near_minus_one_eighth(_shift_left(part, integer_bits))
    for exponent, factor in _EXP_OF_POWERS:
        if exponent < integer_bits and (part - x) & (1 << (fraction_bits + exponent)):
            result = multiply_high(result, factor)
    return result


def _exp_near_minus_one_eighth(a: int) -> int:
    """exp(a) for a in -1/4..0, both in steps of 2^-31: the Taylor series at -1/8, to the fourth power."""
    exp_of_minus_one_eighth, third = 1895147668, 715827883
    x = a + (1 << 28)
    x2 = multiply_high(x, x)
    x3 = multiply_high(x2, x)
    x4 = multiply_high(x2, x2)
    cubic = multiply_high(divide_by_power_of_two(x4, 2) + x3, third)
    series = x + divide_by_power_of_two(cubic + x2, 1)
    return exp_of_minus_one_eighth + multiply_high(exp_of_minus_one_eighth, series)

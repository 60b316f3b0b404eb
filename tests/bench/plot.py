# SPDX-License-Identifier: GPL-2.0
"""Draws cost against rate, both on logarithmic axes, as SVG."""
import math
import statistics

WIDTH, HEIGHT = 800, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 210, 40, 60
COLOURS = ("#000000", "#0072b2", "#009e73", "#d55e00", "#cc79a7", "#e69f00")


def points_of(results, name):
    """Of each rate that was wanted: the medians of the rate reached and of the cost, in % of a CPU."""
    points = []
    for wanted in sorted({r["wanted"] for r in results if r["contender"] == name}):
        rounds = [r for r in results if (r["contender"], r["wanted"]) == (name, wanted)]
        points.append((
            statistics.median(r["made"]["connections"] / r["made"]["seconds"] for r in rounds),
            statistics.median((r["hooks_ns"] / 1e9 + r["user_seconds"]) / r["made"]["seconds"] * 100
                              for r in rounds)))
    return points


class Axis:
    def __init__(self, values, low, high):
        self.first = math.floor(math.log10(min(values)))
        self.last = math.ceil(math.log10(max(values)))
        self.low, self.high = low, high

    def at(self, value):
        share = (math.log10(value) - self.first) / (self.last - self.first)
        return self.low + share * (self.high - self.low)

    def ticks(self):
        return [10**exponent for exponent in range(self.first, self.last + 1)]


def text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{words}</text>'


def frame(rates, costs):
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    lines = []
    for rate in rates.ticks():
        x = rates.at(rate)
        lines.append(f'<path d="M{x:.1f} {TOP}V{bottom}" stroke="#ddd"/>')
        lines.append(text(x, bottom + 20, f"{rate:,.0f}"))
    for cost in costs.ticks():
        y = costs.at(cost)
        lines.append(f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#ddd"/>')
        lines.append(text(LEFT - 8, y + 4, f"{cost:g} %", "end"))
    lines.append(text((LEFT + right) / 2, HEIGHT - 15, "connections a second, both ends here"))
    lines.append(text(LEFT, 22, "CPU of the hooks and the reader, of one processor", "start"))
    return lines


def cost_against_rate(results):
    names = list(dict.fromkeys(r["contender"] for r in results))
    curves = {name: points_of(results, name) for name in names}
    every = [point for points in curves.values() for point in points]
    rates = Axis([rate for rate, _ in every], LEFT, WIDTH - RIGHT)
    costs = Axis([cost for _, cost in every], HEIGHT - BOTTOM, TOP)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
             'font-family="sans-serif" font-size="13">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *frame(rates, costs)]
    for i, (name, points) in enumerate(curves.items()):
        colour = COLOURS[i % len(COLOURS)]
        path = " ".join(f"{rates.at(rate):.1f},{costs.at(cost):.1f}" for rate, cost in points)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                     'stroke-width="2"/>')
        lines += [f'<circle cx="{rates.at(rate):.1f}" cy="{costs.at(cost):.1f}" r="3" '
                  f'fill="{colour}"/>' for rate, cost in points]
        y = TOP + 20 + i * 22
        x = WIDTH - RIGHT + 15
        lines.append(f'<path d="M{x} {y - 4}h22" stroke="{colour}" stroke-width="2"/>')
        lines.append(text(x + 28, y, name, "start"))
    return "\n".join([*lines, "</svg>", ""])

// Where everything of a chart lies: the margins that its words need, its scales, and every point and bar in pixels.

const TALL = 15, GAP = 7, TITLE = 20, TOP = 8, EDGE = 10 // pixels: a line of text, beside a label, an axis's title, above and beside the plot

// Words on lines no wider than they may be.
export function wrapped(text, width, wide) {
  return `${text}`.split(/<br>|\n/).flatMap(line => {
    const lines = ['']
    for (const word of line.split(' ')) {
      const longer = lines[lines.length - 1] ? `${lines[lines.length - 1]} ${word}` : word
      if (wide(longer) <= width || !lines[lines.length - 1]) lines[lines.length - 1] = longer
      else lines.push(word)
    }
    return lines.map(one => {
      while (wide(one) > width && one.length > 2) one = `${one.slice(0, -2).trimEnd()}…`
      return one
    })
  })
}

// Bars of one place stand side by side, or on one another: each trace's offset and width in units of the axis, and its bases.
export function slots(chart, traces) {
  const bars = traces.filter(trace => trace.bars), found = new Map(), sums = new Map()
  if (!bars.length) return found
  const names = [...new Set(bars.map(trace => (chart.stacked ? '' : trace.slot)))]
  const where = trace => (trace.across ? trace.y : trace.x)
  const numbers = [...new Set(bars.flatMap(where))].filter(Number.isFinite).sort((a, b) => a - b)
  const unit = numbers.slice(1).reduce((least, value, i) => Math.min(least, value - numbers[i]), Infinity)
  const room = (Number.isFinite(unit) ? unit : 1) * (1 - chart.gap), each = room / names.length
  for (const trace of bars) {
    const values = trace.across ? trace.x : trace.y
    const base = where(trace).map((place, i) => {
      const below = sums.get(place) ?? 0
      if (chart.stacked) sums.set(place, below + (values[i] ?? 0))
      return chart.stacked ? below : 0
    })
    found.set(trace, { from: names.indexOf(chart.stacked ? '' : trace.slot) * each - room / 2, each, base, half: room / (1 - chart.gap) / 2 })
  }
  return found
}

// Every value that an axis must reach.
function reached(chart, traces, stacks, name) {
  const category = chart[name].type === 'category'
  return traces.flatMap(trace => {
    const values = trace[name], bars = stacks.get(trace)
    if (bars && (name === 'y') === trace.across) return category ? [] : values.flatMap(value => [value - bars.half, value + bars.half])
    const tops = bars ? values.flatMap((value, i) => [bars.base[i], bars.base[i] + value]) : values
    const wrong = trace.errors && trace.errors.upright === (name === 'y')
      ? values.flatMap((value, i) => [value + (trace.errors.up[i] ?? 0), value - (trace.errors.down[i] ?? 0)]) : []
    return [...tops, ...wrong].filter(value => typeof value === 'number')
  })
}

export function laidOut(chart, traces, view, width, height, wide) {
  const stacks = slots(chart, traces), measured = name => traces.some(trace => trace.bars && (name === 'x') === trace.across)
  const along = name => traces.some(trace => trace.bars && (name === 'y') === trace.across)
  const shown = name => {
    const pad = along(name) ? 0 : measured(name) ? 0.08 : name === 'y' || traces.some(trace => trace.marks) ? 0.05 : 0
    const axis = measured(name) && chart[name].type === 'linear' ? { ...chart[name], zero: true } : chart[name]
    return view?.[name] ?? ends(axis, reached(chart, traces, stacks, name), pad)
  }
  const [xEnds, yEnds] = [shown('x'), shown('y')]
  const bottom = lines => TALL * lines + GAP + (chart.x.title ? TITLE : 0)
  let down = height - bottom(1), y = scale(chart.y, yEnds, down, TOP, 34)
  const names = y.ticks.map(([, text]) => wrapped(text, 0.42 * width, wide))
  const left = Math.max(12, ...names.flat().map(wide)) + GAP + (chart.y.title ? TITLE : 0)
  let x = scale(chart.x, xEnds, left, width - EDGE, 50)
  const room = chart.x.type === 'category' ? (width - EDGE - left) / Math.max(x.ticks.length, 1) - 6 : Infinity
  const under = x.ticks.map(([, text]) => wrapped(text, room, wide)), most = Math.max(1, ...under.map(lines => lines.length))
  if (most > 1) [down, y] = [height - bottom(most), scale(chart.y, yEnds, height - bottom(most), TOP, 34)]
  const right = width - Math.max(EDGE, ...x.ticks.slice(-1).map(([place], i) => place + wide(under[under.length - 1 - i]?.[0] ?? '') / 2 - width + EDGE))
  if (right < width - EDGE) x = scale(chart.x, xEnds, left, right, 50)
  return { x, y, left, right, top: TOP, down, width, height,
    across: x.ticks.map(([place], i) => [place, under[i] ?? []]), up: y.ticks.map(([place], i) => [place, names[i] ?? []]),
    traces: traces.map(trace => ({ trace, points: points(trace, stacks.get(trace), x, y) })) }
}

// A trace's points in pixels; those of bars with the box that they fill.
function points(trace, bars, x, y) {
  const [along, value] = trace.across ? [y, x] : [x, y], [places, values] = trace.across ? [trace.y, trace.x] : [trace.x, trace.y]
  return places.map((place, i) => {
    if (!bars) return { i, x: x.at(trace.x[i]), y: y.at(trace.y[i]) }
    const middle = along.at(place), unit = Math.abs(along.at(1) - along.at(0)), turned = along.at(1) < along.at(0) && !trace.across ? -1 : 1
    const from = middle + turned * bars.from * unit, base = value.at(bars.base[i] || value.low), top = value.at(bars.base[i] + (values[i] ?? NaN))
    const zero = bars.base[i] ? base : value.at(Math.max(value.low, Math.min(0, value.high)))
    const low = bars.base[i] ? base : Number.isFinite(zero) ? zero : base, thick = bars.each * unit
    const box = trace.across ? { x: Math.min(low, top), y: from, w: Math.abs(top - low), h: thick }
      : { x: from, y: Math.min(low, top), w: thick, h: Math.abs(top - low) }
    return { i, box, x: trace.across ? top : from + thick / 2, y: trace.across ? from + thick / 2 : top }
  }).filter(point => Number.isFinite(point.x) && Number.isFinite(point.y))
}

// The point under the pointer: the bar that it is in, else the nearest point of a line or mark.
export function hit(laid, x, y, reach = 30) {
  let best = null, least = reach
  for (const { trace, points } of laid.traces) {
    if (!trace.said) continue
    for (const point of points) {
      const box = point.box, inside = box && x >= box.x - 1 && x <= box.x + box.w + 1 && y >= box.y - 1 && y <= box.y + box.h + 1
      const far = box ? (inside ? 0 : Infinity) : Math.hypot(point.x - x, point.y - y)
      if (far < least) [best, least] = [{ trace, point }, far]
    }
  }
  return best
}

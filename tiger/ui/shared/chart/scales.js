// Axes of a chart: where values lie, which of them are labelled, and how numbers are written.

const MINUS = '\u2212', RAISED = '⁰¹²³⁴⁵⁶⁷⁸⁹'

// A number in the form that d3 would give it: ",", ".1%", "+.2f", ".4g"; without a form as short as it can be.
export function written(value, form = '') {
  if (typeof value === 'string') return value
  if (value === null || value === undefined || !Number.isFinite(value)) return ''
  const [, plus, comma, digits, kind] = /^(\+?)(,?)(?:\.(\d+))?~?([%fgsde]?)$/.exec(form) ?? []
  const n = digits === undefined ? undefined : Number(digits), size = Math.abs(value)
  let text
  if (kind === '%') text = `${(100 * size).toFixed(n ?? 0)}%`
  else if (kind === 'f') text = size.toFixed(n ?? 6)
  else if (kind === 'g' || n !== undefined) text = `${Number(size.toPrecision(n || 6))}`
  else text = `${Number.isInteger(size) || size >= 1e15 ? size : Number(size.toPrecision(6))}`
  if (comma || !form) text = text.replace(/^\d{4,}/, whole => Number(whole).toLocaleString('en'))
  const sign = value < 0 && /[1-9]/.test(text) ? MINUS : plus
  return (sign ?? '') + text
}

// A template such as "width %{x}: %{y:.1%}" with a point's values; what stands between <extra> and </extra> comes first.
export function said(template, values) {
  const of = name => {
    const [, key, place] = /^([\w.]+)(?:\[(\d+)\])?$/.exec(name) ?? []
    const found = key === 'fullData.name' ? values.name : values[key]
    return place === undefined ? found : found?.[place]
  }
  const filled = template.replace(/%\{([^}:]+)(?::([^}]*))?\}/g, (_, name, form) => written(of(name), form)).replaceAll('<br>', '\n')
  const [, text, extra] = /^([^]*?)(?:<extra>([^]*?)<\/extra>)?$/.exec(filled)
  return extra ? `${extra}\n${text}` : text
}

function nice(span, most) {
  const rough = span / Math.max(most, 1), power = 10 ** Math.floor(Math.log10(rough))
  return [1, 2, 5, 10].map(factor => factor * power).find(step => step >= rough * 0.999)
}

function power(exponent) {
  return `10${exponent < 0 ? '⁻' : ''}${`${Math.abs(exponent)}`.replace(/\d/g, digit => RAISED[digit])}`
}

function short(value) {
  const unit = [[1e9, 'G'], [1e6, 'M'], [1e4, 'k']].find(([least]) => value >= least)
  return unit ? `${written(value / (unit[1] === 'k' ? 1e3 : unit[0]))}${unit[1]}` : written(value)
}

// Both ends of what an axis shows. `pad` is the share of the span that is left free at each end.
export function ends(axis, values, pad) {
  const log = axis.type === 'log'
  if (axis.type === 'category') return axis.range.length ? axis.range : [-0.5, Math.max(axis.names.length, 1) - 0.5]
  if (axis.range.length) return log ? axis.range.map(end => 10 ** end) : axis.range
  const known = values.filter(value => Number.isFinite(value) && (!log || value > 0))
  if (!known.length) return log ? [1, 10] : [0, 1]
  let low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b))
  if (log) {
    const room = (Math.log10(high / low) || 1) * pad
    return [low / 10 ** room, high * 10 ** room]
  }
  const zero = axis.zero ? [low >= 0, high <= 0] : [false, false]
  if (zero[0]) low = 0
  if (zero[1]) high = 0
  const span = high - low || Math.abs(high) || 1
  return [zero[0] ? 0 : low - pad * span, zero[1] && !zero[0] ? 0 : high + pad * span]
}

// Where an axis's values lie between two pixels; `least`: pixels between two labels.
export function scale(axis, [low, high], from, to, least) {
  const log = axis.type === 'log', turn = value => (log ? Math.log10(value) : value)
  const start = turn(low), span = turn(high) - start || 1, [first, last] = axis.reversed ? [to, from] : [from, to]
  const place = new Map(axis.names.map((name, i) => [name, i]))
  const at = value => {
    const number = axis.type === 'category' ? place.get(value) ?? value : value
    return number === null || (log && number <= 0) ? NaN : first + (turn(number) - start) / span * (last - first)
  }
  const back = pixel => {
    const value = start + (pixel - first) / (last - first) * span
    return log ? 10 ** value : value
  }
  return { at, back, low, high, ticks: labelled(axis, low, high, Math.abs(to - from) / least).map(([value, text]) => [at(value), text]) }
}

// Whether numbers between these two can be told apart.
export const isWide = ([low, high]) => high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high))

function labelled(axis, low, high, most) {
  const inside = ([value]) => value >= low - 1e-9 * Math.abs(high - low) && value <= high + 1e-9 * Math.abs(high - low)
  if (axis.values.length) return axis.type === 'category' ? axis.values.map((value, i) => [value, `${axis.texts[i] ?? value}`])
    : axis.values.map((value, i) => [value, axis.texts.length ? `${axis.texts[i]}` : written(value, axis.form)]).filter(inside)
  if (axis.type === 'category') return axis.names.map(name => [name, name])
  if (axis.type === 'log') return decades(axis, low, high, most).filter(inside)
  if (!isWide([low, high])) return [[low, written(low, axis.form)]]
  const step = Math.max(axis.step ? axis.step * Math.ceil((high - low) / axis.step / Math.max(most, 1)) : 0, nice(high - low, most))
  const even = axis.step && step % axis.step ? axis.step * Math.ceil(step / axis.step) : step
  const digits = Math.max(0, Math.ceil(-Math.log10(even) - 1e-9)), found = []
  for (let i = Math.ceil(low / even - 1e-9); i <= high / even + 1e-9; i++) {
    const value = Number((i * even).toPrecision(12))
    found.push([value, axis.form ? written(value, axis.form) : written(Number(value.toFixed(digits + 1)))])
  }
  return found
}

function decades(axis, low, high, most) {
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high)), span = Math.log10(high / low)
  if (span < 0.6) return labelled({ ...axis, type: 'linear', step: null }, low, high, most)
  const room = most / span, factors = room >= 6 ? [1, 2, 3, 5, 7] : room >= 3.5 && !(axis.step && span >= 2) ? [1, 2, 5] : [1]
  const every = Math.max(1, Math.ceil(1 / room)), found = []
  for (let exponent = first; exponent <= last; exponent += every) {
    for (const factor of axis.power ? [1] : factors) {
      const value = Number((factor * 10 ** exponent).toPrecision(12))
      found.push([value, axis.power ? power(exponent) : short(value)])
    }
  }
  return found
}

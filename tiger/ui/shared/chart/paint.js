// A chart as SVG.

const many = (value, i) => (Array.isArray(value) ? value[i] ?? value[0] : value)
const line = (x1, y1, x2, y2, more) => make('line', { x1, y1, x2, y2, ...more })

function mark(symbol, size, colour, x, y) {
  const hollow = /-open$|^x$|^cross$/.test(symbol)
  return make('path', { d: outline(symbol, size / 2), transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, stroke: colour,
    fill: hollow && symbol !== 'cross' ? 'none' : colour, 'stroke-width': hollow ? 2 : 0.8 })
}

function lines(words, x, y, anchor, more = {}) {
  return make('text', { x, y, 'text-anchor': anchor, ...more }, ...words.map((text, i) => make('tspan', { x, dy: i ? 15 : 0 }, text)))
}

function frame(chart, laid) {
  const { left, right, top, down } = laid, parts = [], stroke = { stroke: 'var(--grid)', 'stroke-width': 1 }
  for (const [y, words] of laid.up) parts.push(line(left, y, right, y, stroke), lines(words, left - 6, y + 4 - 7.5 * (words.length - 1), 'end'))
  for (const [x, words] of laid.across) parts.push(line(x, top, x, down, stroke), lines(words, x, down + 16, 'middle'))
  if (chart.x.title) parts.push(make('text', { class: 'title', x: (left + right) / 2, y: laid.height - 5, 'text-anchor': 'middle' }, chart.x.title))
  if (chart.y.title) parts.push(make('text', { class: 'title', transform: `translate(13 ${(top + down) / 2}) rotate(-90)`, 'text-anchor': 'middle' }, chart.y.title))
  return parts
}

// A path through the points; one that lies off the scale, or has no number, parts it.
function way(trace, points) {
  let before = null
  return points.map(point => {
    const joined = before !== null && point.i === before + 1
    before = point.i
    return `${joined ? 'L' : 'M'}${point.x.toFixed(1)} ${point.y.toFixed(1)}`
  }).join('')
}

function area(trace, points, laid) {
  if (trace.fill === 'toself') return `${way(trace, points)}Z`
  const first = points[0], last = points[points.length - 1]
  return `${way(trace, points)}L${last.x.toFixed(1)} ${laid.down}L${first.x.toFixed(1)} ${laid.down}Z`
}

function errors(trace, points, laid) {
  const { errors: wrong } = trace, scale = wrong.upright ? laid.y : laid.x, values = wrong.upright ? trace.y : trace.x, cap = 3
  const d = points.map(({ i, x, y }) => {
    const [low, high] = [scale.at(values[i] - (wrong.down[i] ?? 0)), scale.at(values[i] + (wrong.up[i] ?? 0))]
    if (!(Math.abs(high - low) > 0.5)) return ''
    return wrong.upright ? `M${x} ${low}V${high}M${x - cap} ${low}H${x + cap}M${x - cap} ${high}H${x + cap}`
      : `M${low} ${y}H${high}M${low} ${y - cap}V${y + cap}M${high} ${y - cap}V${y + cap}`
  }).join('')
  return make('path', { d, fill: 'none', stroke: wrong.colour, 'stroke-width': wrong.width })
}

function label(trace, point, wide) {
  const text = trace.template ? said(trace.template, { text: trace.text[point.i], x: trace.x[point.i], y: trace.y[point.i] }) : trace.text[point.i]
  if (!text) return null
  if (point.box) {
    const { box } = point, inside = many(trace.where, point.i) !== 'outside' && (trace.across ? box.w > wide(text) + 8 : box.h > 20 && box.w > wide(text))
    const at = trace.across ? (inside ? [point.x - 5, point.y + 4, 'end'] : [point.x + 5, point.y + 4, 'start'])
      : [point.x, inside ? point.y + 15 : point.y - 5, 'middle']
    return make('text', { x: at[0], y: at[1], 'text-anchor': at[2], style: inside ? `fill:${ink(trace.paint)}` : '' }, text)
  }
  const where = many(trace.where, point.i) || 'middle center', gap = many(trace.size, point.i) / 2 + 3
  const dx = /right/.test(where) ? gap : /left/.test(where) ? -gap : 0, dy = /top/.test(where) ? -gap : /bottom/.test(where) ? gap + 9 : 4
  return make('text', { x: point.x + dx, y: point.y + dy, 'text-anchor': dx > 0 ? 'start' : dx < 0 ? 'end' : 'middle' }, text)
}

// Black or white, whichever reads better on a colour.
function ink(colour) {
  const [red, green, blue] = [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16) / 255)
  return Number.isFinite(red) && 0.2126 * red ** 2.2 + 0.7152 * green ** 2.2 + 0.0722 * blue ** 2.2 < 0.18 ? '#fff' : '#000'
}

function series({ trace, points }, laid, wide) {
  const parts = [], stroke = { stroke: trace.colour, 'stroke-width': trace.width ?? 2, 'stroke-dasharray': DASHES[trace.dash] }
  if (!points.length) return parts
  if (trace.fill !== 'none') parts.push(make('path', { d: area(trace, points, laid), fill: trace.fillcolour || trace.colour,
    'fill-opacity': trace.fillcolour ? undefined : 0.4, stroke: 'none' }))
  if (trace.bars) for (const { box } of points) parts.push(make('rect', { x: box.x, y: box.y, width: Math.max(box.w, 0), height: Math.max(box.h, 0),
    fill: trace.paint, stroke: trace.outline, 'stroke-width': trace.outline ? trace.width ?? 1 : 0 }))
  if (trace.lines && trace.width !== 0) parts.push(make('path', { d: way(trace, points), fill: 'none', 'stroke-linejoin': 'round', ...stroke }))
  if (trace.errors) parts.push(errors(trace, points, laid))
  if (trace.marks) for (const { i, x, y } of points) parts.push(mark(many(trace.symbol, i), many(trace.size, i), trace.paint, x, y))
  return parts
}

function notes(chart, laid) {
  const { left, right, top, down } = laid
  const rules = chart.rules.map(({ upright, at, colour, dash, width }) => {
    const place = (upright ? laid.x : laid.y).at(at), look = { stroke: colour, 'stroke-width': width, 'stroke-dasharray': DASHES[dash] }
    return upright ? line(place, top, place, down, look) : line(left, place, right, place, look)
  })
  const words = chart.notes.map(note => {
    const x = note.across ? left + note.x * (right - left) : laid.x.at(note.x), y = note.along ? down + note.y * (top - down) : laid.y.at(note.y)
    const turned = note.turned ? `rotate(-90 ${x} ${y})` : null
    if (note.turned) return make('text', { x: x - 2, y: y - 4, transform: turned, 'text-anchor': 'end', class: 'note' }, note.text)
    return make('text', { x: x + (note.right ? -4 : 4), y: note.top ? y + 12 : y - 4, 'text-anchor': note.right ? 'end' : 'start', class: 'note' }, note.text)
  })
  return [...rules, ...words]
}

function painted(svg, chart, laid, wide) {
  const { left, right, top, down, width, height } = laid, clip = `clip-${chart.id}`
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
  const inside = make('g', { 'clip-path': `url(#${clip})` }), room = 6 // marks at the ends of an axis are not cut
  const box = { x: left - room, y: top - room, width: Math.max(right - left, 0) + 2 * room, height: Math.max(down - top, 0) + room }
  inside.append(...laid.traces.flatMap(one => series(one, laid, wide)), ...notes(chart, laid))
  const labels = laid.traces.flatMap(({ trace, points }) => (trace.text.length ? points.map(point => label(trace, point, wide)) : [])).filter(Boolean)
  svg.replaceChildren(make('defs', {}, make('clipPath', { id: clip }, make('rect', box))), ...frame(chart, laid), inside, ...labels,
    make('g', { class: 'hits' }), make('rect', { class: 'ground', x: left, y: top, width: box.width, height: box.height }))
}

// A trace's sign in the legend.
function sign(trace) {
  const svg = make('svg', { width: 24, height: 12, 'aria-hidden': 'true' })
  if (trace.bars) svg.append(make('rect', { x: 6, y: 1, width: 12, height: 10, fill: trace.paint, stroke: trace.outline, 'stroke-width': trace.outline ? 2 : 0 }))
  if (trace.lines) svg.append(line(1, 6, 23, 6, { stroke: trace.colour, 'stroke-width': Math.min(trace.width ?? 2, 3), 'stroke-dasharray': DASHES[trace.dash] }))
  if (trace.marks) svg.append(mark(many(trace.symbol, 0), Math.min(many(trace.size, 0), 10), trace.paint, 12, 6))
  return svg
}

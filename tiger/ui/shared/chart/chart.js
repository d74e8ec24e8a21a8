// A chart of lines, marks and bars: pointing says a mark's numbers, dragging zooms, a double click shows everything again, the
// legend hides and shows traces.

const SMALL = 6 // pixels: a drag below this is a click
const mounted = new WeakMap()

function shown(play) {
  return play.chart.traces.filter(trace => !play.off.has(trace.group || trace.name))
}

function draw(play) {
  const svg = play.root.querySelector('.plot > svg'), width = svg.clientWidth, height = svg.clientHeight
  if (width < 40 || height < 40) return
  play.laid = laidOut(play.chart, shown(play), play.view, width, height, play.wide)
  point(play, null)
  painted(svg, play.chart, play.laid, play.wide)
}

function legend(play) {
  const listed = play.chart.traces.filter(trace => trace.listed), names = [...new Set(listed.map(trace => trace.group || trace.name))]
  const list = play.root.querySelector('.legend')
  list.replaceChildren(...(listed.length < 2 ? [] : listed.map(trace => {
    const item = document.createElement('li'), button = document.createElement('button'), name = trace.group || trace.name
    Object.assign(button, { type: 'button', title: 'Click to hide or show it, double-click to show it alone' })
    button.append(sign(trace), trace.name)
    const tell = () => list.querySelectorAll('button').forEach((one, i) => one.setAttribute('aria-pressed', !play.off.has(listed[i].group || listed[i].name)))
    button.onclick = () => {
      if (!play.off.delete(name)) play.off.add(name)
      tell()
      draw(play)
    }
    button.ondblclick = () => {
      const alone = names.every(one => one === name || play.off.has(one)) && !play.off.has(name)
      play.off = new Set(alone ? [] : names.filter(one => one !== name))
      tell()
      draw(play)
    }
    button.setAttribute('aria-pressed', true)
    item.append(button)
    return item
  })))
}

// Say a point's numbers beside it.
function point(play, found) {
  const tip = play.root.querySelector('.tip'), hits = play.root.querySelector('.hits')
  tip.hidden = !found
  hits?.replaceChildren()
  if (!found) return
  const { trace, point: { i, x, y, box } } = found
  tip.textContent = said(trace.said, { x: trace.x[i], y: trace.y[i], text: trace.text[i], customdata: trace.more[i], name: trace.name })
  const { width, height } = play.laid
  tip.style.cssText = (x < width / 2 ? `left:${x + 12}px` : `right:${width - x + 12}px`) + (y < height / 2 ? `;top:${y + 4}px` : `;bottom:${height - y + 4}px`)
  hits.append(box ? make('rect', { class: 'hit', x: box.x, y: box.y, width: box.w, height: box.h, fill: 'none' })
    : make('circle', { class: 'hit', cx: x, cy: y, r: (many(trace.size, i) ?? 6) / 2 + 2, fill: 'none' }))
}

function pointer(play) {
  const plot = play.root.querySelector('.plot'), zone = play.root.querySelector('.zone')
  const at = event => { const box = plot.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top] }
  plot.onpointermove = event => {
    if (!play.laid) return
    const [x, y] = at(event)
    if (!play.from) return point(play, hit(play.laid, x, y))
    const [fromX, fromY] = play.from, { left, right, top, down } = play.laid
    const wide = Math.abs(x - fromX) > SMALL, tall = Math.abs(y - fromY) > SMALL
    play.to = { x: wide ? [fromX, x] : null, y: tall ? [fromY, y] : null }
    zone.hidden = !wide && !tall
    const [a, b] = wide ? [Math.min(x, fromX), Math.max(x, fromX)] : [left, right], [c, d] = tall ? [Math.min(y, fromY), Math.max(y, fromY)] : [top, down]
    zone.style.cssText = `left:${a}px;top:${c}px;width:${b - a}px;height:${d - c}px`
  }
  plot.onpointerdown = event => {
    if (event.pointerType !== 'mouse' && play.laid) point(play, hit(play.laid, ...at(event))) // no finger hovers
    if (event.pointerType !== 'mouse' || event.button || !event.target.classList.contains('ground')) return
    Object.assign(play, { from: at(event), to: null })
    point(play, null)
    plot.setPointerCapture(event.pointerId)
  }
  plot.onpointerup = plot.onpointercancel = () => {
    const { to, laid, chart } = play
    Object.assign(play, { from: null, to: null })
    zone.hidden = true
    if (!to?.x && !to?.y) return
    const cut = name => {
      const part = to[name] && chart[name].type !== 'category' ? to[name].map(laid[name].back).sort((a, b) => a - b) : null
      return part && isWide(part) ? part : play.view?.[name]
    }
    play.view = { x: cut('x'), y: cut('y') }
    draw(play)
  }
  plot.onpointerleave = event => { if (event.pointerType === 'mouse') point(play, null) }
  plot.ondblclick = () => { play.view = null; draw(play) }
}

// The chart with its legend as a picture, on the page's ground, twice as fine as on the screen.
function save(play) {
  const plot = play.root.querySelector('.plot > svg'), look = getComputedStyle(play.root), { width, height } = play.laid
  const listed = play.chart.traces.filter(trace => trace.listed && shown(play).includes(trace)), row = 18
  let x = 8, y = 4
  const signs = (listed.length < 2 ? [] : listed).map(trace => {
    const long = 34 + play.wide(trace.name)
    if (x + long > width && x > 8) [x, y] = [8, y + row]
    const found = make('g', { transform: `translate(${x} ${y})` }, ...sign(trace).childNodes, make('text', { x: 29, y: 10 }, trace.name))
    x += long + 12
    return found
  })
  const head = signs.length ? y + row + 4 : 0, inner = plot.cloneNode(true)
  for (const [name, value] of Object.entries({ x: 0, y: head, width, height })) inner.setAttribute(name, value)
  inner.querySelector('.hits')?.remove()
  const style = make('style', {}, 'text{fill:currentColor;font-size:12px}.title{font-size:13px}.ground{fill:none}')
  const whole = make('svg', { xmlns: SVG, width, height: height + head, style: `color:${look.color};font-family:${look.fontFamily.replaceAll('"', "'")};--grid:rgba(128,128,128,.22)` },
    style, make('rect', { width: '100%', height: '100%', fill: look.backgroundColor }), ...signs, inner)
  const image = new Image()
  image.onload = () => {
    const canvas = document.createElement('canvas')
    Object.assign(canvas, { width: 2 * width, height: 2 * (height + head) })
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height)
    canvas.toBlob(blob => {
      const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: `${play.file}.png` })
      link.click()
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
    })
  }
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(whole))}`
}

// How wide a text is in the chart's own font.
function measure(root) {
  const context = document.createElement('canvas').getContext('2d'), known = new Map()
  context.font = `12px ${getComputedStyle(root).fontFamily}`
  return text => {
    if (!known.has(text)) known.set(text, context.measureText(text).width)
    return known.get(text)
  }
}

function begin(parentElement) {
  const root = parentElement.querySelector('.chart')
  const play = { root, off: new Set(), view: null, wide: measure(root) }
  mounted.set(parentElement, play)
  root.querySelector('.png').onclick = () => save(play)
  root.querySelector('.full').onclick = () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen())
  pointer(play)
  new ResizeObserver(() => {
    const svg = root.querySelector('.plot > svg'), size = `${svg.clientWidth} ${svg.clientHeight}`
    if (play.size !== size) { play.size = size; draw(play) }
  }).observe(root.querySelector('.plot'))
  return play
}

export default ({ parentElement, data }) => {
  if (!data?.chart) return
  const play = mounted.get(parentElement) ?? begin(parentElement)
  play.file = data.file
  if (play.chart?.id === data.chart.id) return
  Object.assign(play, { chart: data.chart, view: null, off: new Set() })
  play.root.classList.toggle('below', data.chart.below)
  play.root.style.setProperty('--tall', `${data.chart.height}px`)
  play.root.querySelector('.plot > svg').setAttribute('aria-label', data.chart.alt)
  legend(play)
  draw(play)
  const svg = play.root.querySelector('.plot > svg')
  play.size = `${svg.clientWidth} ${svg.clientHeight}`
}

// The map in the browser: colours, zoom, rotation, the pointer and the lasso ask the server nothing; it is told what was chosen.

const FULL = 65535 // places are whole numbers up to here
const RING = '#E3175B'
const NEAR = 12 // pixels between the pointer and a mark that it means
const LETTERS = 24 // of a name on the map
const TELL_MS = 500 // after the last change of colours; for pages that open next
const mounted = new WeakMap()
const known = (window.tigerMaps ??= new Map()) // what the server sent, by its name, so that it is sent once

const bytes = text => Uint8Array.from(atob(text), sign => sign.charCodeAt(0)).buffer

function unpack(points) {
  const place = new Uint16Array(bytes(points.place)), n = place.length / points.n_dims
  return { ...points, n, at: Array.from({ length: points.n_dims }, (_, axis) => place.subarray(axis * n, (axis + 1) * n)),
    item: new Uint32Array(bytes(points.item)), palette: points.palette.map(rgb),
    looks: points.looks.map(look => ({ ...look, ...Object.fromEntries(['colour', 'shape', 'group'].map(name =>
      [name, new Uint8Array(bytes(look[name]))])) })) }
}

// ---- what is seen

function home(map) {
  map.view = { x: FULL / 2, y: FULL / 2, zoom: 1, yaw: 0.7, pitch: 0.45 }
}

// Pixels of one whole number of a place; all axes have the same, so that distances can be compared.
function scaleOf({ points, canvas, view }) {
  const [wide, tall] = points.aspect, { width, height } = canvas
  const fits = points.n_dims === 3 ? Math.min(width, height) / 1.35 : Math.min(width / wide, height / tall)
  return fits / FULL * 0.96 * view.zoom
}

function project(map) {
  const { points, view, canvas } = map, { at, n } = points, solid = points.n_dims === 3, scale = scaleOf(map)
  const [cx, cy] = [canvas.width / 2, canvas.height / 2]
  if (map.x?.length !== n) [map.x, map.y] = [new Float32Array(n), new Float32Array(n)]
  const { x, y } = map
  if (!solid) {
    const wide = scale * points.aspect[0], tall = scale * points.aspect[1]
    for (let i = 0; i < n; i++) {
      x[i] = cx + (at[0][i] - view.x) * wide
      y[i] = cy - (at[1][i] - view.y) * tall
    }
    map.order = null
    return
  }
  const [ca, sa, cb, sb] = [Math.cos(view.yaw), Math.sin(view.yaw), Math.cos(view.pitch), Math.sin(view.pitch)]
  const depth = new Float32Array(n), mid = FULL / 2
  for (let i = 0; i < n; i++) {
    const px = (at[0][i] - mid) * points.aspect[0], py = (at[1][i] - mid) * points.aspect[1], pz = (at[2][i] - mid) * points.aspect[2]
    const right = px * ca - py * sa, away = px * sa + py * ca
    x[i] = cx + (right + mid - view.x) * scale
    y[i] = cy - (pz * cb - away * sb + mid - view.y) * scale
    depth[i] = away * cb + pz * sb
  }
  map.order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => depth[b] - depth[a])
}

const pixelsEach = map => map.canvas.width / Math.max(map.canvas.clientWidth, 1)
const radiusOf = map => (map.points.n < 3000 ? 4 : map.points.n < 20_000 ? 3 : 2) * pixelsEach(map)

function opacities(map) {
  const { points, chosenGroup, over } = map
  if (!chosenGroup.size && over === null) return null
  return Uint8Array.from({ length: points.n }, (_, i) =>
    over !== null ? (map.look.group[i] === over ? 230 : 26) : chosenGroup.has(points.item[i]) ? 230 : 110)
}

function draw(map) {
  map.request = 0
  const { canvas } = map, pen = map.pen
  project(map)
  const image = pen.createImageData(canvas.width, canvas.height)
  const { colour, shape } = map.look
  stampAll({ pixels: image.data, width: canvas.width, height: canvas.height, x: map.x, y: map.y, order: map.order, colour, shape,
    radius: radiusOf(map), palette: map.points.palette, opacity: opacities(map) })
  pen.putImageData(image, 0, 0)
  names(map)
  rings(map)
  if (map.drag?.path) {
    pen.beginPath()
    map.drag.path.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)))
    pen.closePath()
    pen.setLineDash([5, 4])
    pen.strokeStyle = pen.fillStyle = getComputedStyle(map.root.querySelector('.map')).color
    pen.lineWidth = 1.5
    pen.stroke()
    pen.globalAlpha = 0.06
    pen.fill()
    pen.globalAlpha = 1
    pen.setLineDash([])
  }
}

// Each group's name beside its marks, the largest group's first; of a group that the legend points at, that one alone.
function names(map) {
  const { pen, look, points, view, canvas, root } = map
  if (points.n_dims === 3 || !look.groups.length) return
  look.spots ??= spotsOf(points.at, look.group, look.groups.length, FULL)
  const each = pixelsEach(map), scale = scaleOf(map), style = getComputedStyle(root.querySelector('.map'))
  Object.assign(pen, { font: `600 ${12.5 * each}px ${style.fontFamily}`, textAlign: 'center', textBaseline: 'middle', lineJoin: 'round',
    lineWidth: 4 * each, fillStyle: style.color, strokeStyle: getComputedStyle(root.querySelector('.tools button')).backgroundColor })
  const height = 18 * each, labels = look.groups.flatMap((group, number) => {
    const spot = look.spots[number], letters = Array.from(group.name)
    if (!spot || map.over !== null && map.over !== number) return []
    const words = letters.length > LETTERS ? `${letters.slice(0, LETTERS - 1).join('').trimEnd()}…` : group.name
    const x = canvas.width / 2 + (spot.x - view.x) * scale * points.aspect[0], y = canvas.height / 2 - (spot.y - view.y) * scale * points.aspect[1]
    const width = pen.measureText(words).width + 10 * each, aside = width / 2 + 6 * each
    const boxes = [[0, 15 * each], [0, -15 * each], [aside, 0], [-aside, 0]].map(([right, down]) =>
      ({ words, left: x + right - width / 2, top: y + down - height / 2, width, height }))
    return [boxes.filter(box => box.left >= 0 && box.top >= 0 && box.left + width <= canvas.width && box.top + height <= canvas.height)]
  })
  for (const box of apart(labels)) if (box) for (const write of ['strokeText', 'fillText']) // the page's own ground around the letters
    pen[write](box.words, box.left + box.width / 2, box.top + height / 2)
}

function rings(map) {
  const { pen } = map, each = pixelsEach(map)
  pen.strokeStyle = RING
  const ring = (i, radius, width) => {
    pen.lineWidth = width * each
    pen.beginPath()
    pen.arc(map.x[i], map.y[i], radius * each, 0, 7)
    pen.stroke()
  }
  for (const item of map.chosenGroup) if (map.row.has(item)) ring(map.row.get(item), 6, 1.6)
  if (map.row.has(map.chosen)) ring(map.row.get(map.chosen), 11, 3.5)
  if (map.hover !== null && map.hover !== undefined) ring(map.hover, 8, 1.5)
}

function wake(map) {
  map.request ||= requestAnimationFrame(() => draw(map))
}

// ---- controls

function lookOf(map, by, level) {
  return map.points.looks.find(look => look.by === by && look.level === level)
    ?? map.points.looks.findLast(look => look.by === by) ?? map.points.looks[0]
}

// Draw in other colours; the legend and the caption say what they stand for.
function colourBy(map, by, level) {
  const { root, points } = map, look = map.look = lookOf(map, by, level), most = Math.max(...points.looks.filter(one => one.by === look.by).map(one => one.level))
  map.over = null
  const slide = root.querySelector('.level input')
  root.querySelector('.level').hidden = most === 1
  Object.assign(slide, { max: most, value: look.level })
  slide.setAttribute('aria-valuetext', `${look.level} of ${most}`)
  root.querySelector('.level .words').textContent = look.words
  root.querySelector('.level output').textContent = `${look.level} of ${most}`
  for (const radio of root.querySelectorAll('.by input')) radio.checked = radio.value === look.by
  const named = points.n_dims === 2 && look.groups.length ? ' A name stands where its group is densest.' : ''
  root.querySelector('.caption').textContent = look.summary + named + map.data.now.more
  map.canvas.setAttribute('aria-label', look.summary)
  legend(map)
  wake(map)
}

function legend(map) {
  const list = map.root.querySelector('.legend')
  list.replaceChildren(...map.look.groups.map((group, number) => {
    const line = document.createElement('li'), sign = document.createElement('canvas')
    sign.width = sign.height = 28
    const pen = sign.getContext('2d')
    pen.translate(14, 14)
    pen.fillStyle = `rgb(${map.points.palette[group.colour]})`
    outline(pen, group.shape, 8)
    pen.fill()
    line.append(sign, group.name)
    line.onpointerenter = () => { map.over = number; wake(map) }
    line.onpointerleave = () => { map.over = null; wake(map) }
    return line
  }))
}

// The address holds what is shown at once; the server learns of it when nothing has changed for a moment.
function recoloured(map, by, level) {
  colourBy(map, by, level)
  const { look } = map
  keepInAddress({ level: look.level, colour: look.by === map.data.by[0] ? null : look.by })
  tellSoon(map, TELL_MS, () => map.tell('coloured', { by: look.by, level: look.level }))
}

// What marks can be coloured by, which another dataset changes.
function choices(map) {
  const { root, data } = map, by = root.querySelector('.by'), place = by.querySelector('.choices')
  by.hidden = data.by.length < 2
  if ([...place.children].map(label => label.textContent).join() === data.by.join()) return
  place.replaceChildren(...data.by.map(name => {
    const label = document.createElement('label'), radio = document.createElement('input'), words = document.createElement('span')
    Object.assign(radio, { type: 'radio', name: 'by', value: name, onchange: () => recoloured(map, name, map.look.level) })
    words.textContent = name
    label.append(radio, words)
    return label
  }))
}

function controls(map) {
  const { root } = map, slide = root.querySelector('.level input')
  slide.oninput = () => recoloured(map, map.look.by, Number(slide.value))
  for (const button of root.querySelectorAll('[data-tool]')) button.onclick = () => {
    map.tool = button.dataset.tool
    for (const other of root.querySelectorAll('[data-tool]')) other.setAttribute('aria-pressed', other === button)
    map.canvas.classList.toggle('cuts', map.tool !== 'move')
  }
  root.querySelector('.in').onclick = () => zoom(map, 1.5)
  root.querySelector('.out').onclick = () => zoom(map, 1 / 1.5)
  root.querySelector('.reset').onclick = () => { home(map); wake(map) }
  root.querySelector('.png').onclick = () => picture(map)
}

// As PNG, twice as fine as on the screen, on the page's own ground.
function picture(map) {
  const { canvas } = map, { width, height } = canvas
  Object.assign(canvas, { width: 2 * width, height: 2 * height })
  draw(map)
  const flat = document.createElement('canvas'), pen = flat.getContext('2d')
  Object.assign(flat, { width: canvas.width, height: canvas.height })
  pen.fillStyle = getComputedStyle(map.root.querySelector('.tools button')).backgroundColor
  pen.fillRect(0, 0, flat.width, flat.height)
  pen.drawImage(canvas, 0, 0)
  const link = document.createElement('a')
  Object.assign(link, { href: flat.toDataURL('image/png'), download: `${map.data.name}.png` })
  link.click()
  Object.assign(canvas, { width, height })
  draw(map)
}

// ---- pointer, wheel, keys

function spot(map, event) {
  const box = map.canvas.getBoundingClientRect(), each = pixelsEach(map)
  return [(event.clientX - box.left) * each, (event.clientY - box.top) * each]
}

function zoom(map, factor, [x, y] = [map.canvas.width / 2, map.canvas.height / 2]) {
  const { view, canvas, points } = map, to = Math.min(Math.max(view.zoom * factor, 0.5), 200)
  const scale = scaleOf(map) / view.zoom, change = 1 / view.zoom - 1 / to
  const [wide, tall] = points.n_dims === 3 ? [1, 1] : points.aspect
  view.x += (x - canvas.width / 2) / scale / wide * change
  view.y -= (y - canvas.height / 2) / scale / tall * change
  view.zoom = to
  wake(map)
}

function under(map, [x, y]) {
  let best = null, least = (NEAR * pixelsEach(map)) ** 2
  for (let i = 0; i < map.points.n; i++) {
    const far = (map.x[i] - x) ** 2 + (map.y[i] - y) ** 2
    if (far < least) [best, least] = [i, far]
  }
  return best
}

function point(map, i) {
  if (map.hover === i) return
  map.hover = i
  const tip = map.root.querySelector('.tip')
  map.canvas.classList.toggle('hits', i !== null && map.tool === 'move')
  tip.hidden = i === null
  if (i !== null) {
    const each = pixelsEach(map), wide = map.canvas.clientWidth, x = map.x[i] / each, y = map.y[i] / each
    tip.textContent = map.points.labels[i] || `item ${map.points.item[i]}`
    tip.style.cssText = (x < wide / 2 ? `left:${x + 14}px` : `right:${wide - x + 14}px`) + `;top:${Math.max(0, y - 18)}px`
  }
  wake(map)
}

function choose(map, i) {
  map.chosen = map.points.item[i]
  map.root.querySelector('.said').textContent = `Chosen: ${map.points.labels[i] || `item ${map.chosen}`}`
  wake(map)
  map.tell('picked', map.chosen)
}

function inside(path, x, y) {
  let odd = false
  for (let i = 0, j = path.length - 1; i < path.length; j = i++) {
    const [ax, ay] = path[i], [bx, by] = path[j]
    if (ay > y !== by > y && x < (bx - ax) * (y - ay) / (by - ay) + ax) odd = !odd
  }
  return odd
}

function cut(map, path) {
  const found = []
  for (let i = 0; i < map.points.n; i++) if (inside(path, map.x[i], map.y[i])) found.push(map.points.item[i])
  if (!found.length) return wake(map)
  found.sort((a, b) => a - b)
  map.chosenGroup = new Set(found)
  wake(map)
  map.tell('lassoed', found)
}

// Two fingers: closer or wider, about their middle.
function pinch(map, event) {
  const apart = () => { const [[ax, ay], [bx, by]] = map.fingers.values(); return Math.hypot(ax - bx, ay - by) || 1 }
  if (!map.fingers.has(event.pointerId)) return
  const before = apart()
  map.fingers.set(event.pointerId, spot(map, event))
  const [[ax, ay], [bx, by]] = map.fingers.values()
  zoom(map, apart() / before, [(ax + bx) / 2, (ay + by) / 2])
}

function listen(map) {
  const { canvas } = map
  canvas.onpointerdown = event => {
    if (event.button) return
    canvas.setPointerCapture(event.pointerId)
    const from = spot(map, event)
    map.fingers.set(event.pointerId, from)
    if (map.fingers.size > 1) return void (map.drag = null)
    map.drag = { from, last: from, path: map.tool === 'move' ? null : [from], moved: false }
  }
  canvas.onpointermove = event => {
    if (map.fingers.size > 1) return pinch(map, event)
    const to = spot(map, event), { drag, view, points } = map
    if (!drag) return point(map, under(map, to))
    drag.moved ||= Math.hypot(to[0] - drag.from[0], to[1] - drag.from[1]) > 4 * pixelsEach(map)
    if (!drag.moved) return
    point(map, null)
    if (map.tool === 'lasso') drag.path.push(to)
    else if (map.tool === 'box') drag.path = [drag.from, [to[0], drag.from[1]], to, [drag.from[0], to[1]]]
    else if (points.n_dims === 3) {
      view.yaw += (to[0] - drag.last[0]) * 0.008 / pixelsEach(map)
      view.pitch = Math.min(1.57, Math.max(-1.57, view.pitch + (to[1] - drag.last[1]) * 0.008 / pixelsEach(map)))
    } else {
      const scale = scaleOf(map)
      view.x -= (to[0] - drag.last[0]) / scale / points.aspect[0]
      view.y += (to[1] - drag.last[1]) / scale / points.aspect[1]
    }
    drag.last = to
    wake(map)
  }
  canvas.onpointerup = event => {
    const { drag } = map
    map.drag = null
    map.fingers.delete(event.pointerId)
    if (!drag) return
    const i = drag.moved ? null : under(map, spot(map, event))
    if (i !== null) choose(map, i)
    else if (drag.moved && drag.path) cut(map, drag.path)
  }
  canvas.onpointerleave = () => point(map, null)
  canvas.onblur = () => point(map, null)
  canvas.onpointercancel = event => { map.drag = null; map.fingers.delete(event.pointerId); wake(map) }
  canvas.ondblclick = () => { home(map); wake(map) }
  canvas.addEventListener('wheel', event => {
    event.preventDefault()
    point(map, null)
    zoom(map, Math.exp(-event.deltaY * 0.0022), spot(map, event))
  }, { passive: false })
  canvas.onkeydown = event => {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
    if (way) point(map, onward(map, way))
    else if (event.key === '+' || event.key === '=') zoom(map, 1.3)
    else if (event.key === '-') zoom(map, 1 / 1.3)
    else if (event.key === '0') { home(map); wake(map) }
    else if ((event.key === 'Enter' || event.key === ' ') && map.hover !== null) choose(map, map.hover)
    else return
    event.preventDefault()
  }
}

// The nearest mark in a direction, from the one under the pointer or the chosen one.
function onward(map, [dx, dy]) {
  const from = map.hover ?? map.row.get(map.chosen) ?? 0
  let best = from, least = Infinity
  for (let i = 0; i < map.points.n; i++) {
    const x = map.x[i] - map.x[from], y = map.y[i] - map.y[from], along = x * dx + y * dy, aside = Math.abs(x * dy - y * dx)
    if (along > 1 && along + 2 * aside < least) [best, least] = [i, along + 2 * aside]
  }
  map.root.querySelector('.said').textContent = map.points.labels[best] || `item ${map.points.item[best]}`
  return best
}

// ---- Streamlit's call

function fit(map) {
  const { canvas } = map, each = Math.min(window.devicePixelRatio || 1, 2)
  const [width, height] = [Math.round(canvas.clientWidth * each), Math.round(canvas.clientHeight * each)]
  if (!width || canvas.width === width && canvas.height === height) return
  Object.assign(canvas, { width, height })
  draw(map)
}

function mount(root) {
  const canvas = root.querySelector('.items')
  return canvas.map = { root, canvas, pen: canvas.getContext('2d', { willReadFrequently: true }), tool: 'move', over: null, hover: null, drag: null, fingers: new Map(), request: 0, untold: null }
} // on the canvas, so that it can be looked into

export default ({ parentElement: root, data, setTriggerValue }) => {
  if (!data || !root.querySelector('.map')) return
  if (data.points) {
    known.delete(data.id)
    known.set(data.id, unpack(data.points))
    while (known.size > 4) known.delete(known.keys().next().value)
  }
  let map = mounted.get(root)
  const points = known.get(data.id), first = !map
  if (first) mounted.set(root, map = mount(root))
  map.tell = setTriggerValue
  if (!points) return setTriggerValue('missing', data.id)
  const moved = map.points?.frame !== points.frame
  Object.assign(map, { data, points, chosen: data.now.item, chosenGroup: new Set(data.now.group) })
  if (map.rowsOf !== points) {
    map.rowsOf = points
    map.row = new Map(Array.from(points.item, (item, i) => [item, i]))
    point(map, null) // what it said was of a mark that is gone
  }
  choices(map)
  if (moved) home(map)
  if (first || !map.watch) {
    controls(map)
    listen(map)
    map.watch = new ResizeObserver(() => fit(map))
    map.watch.observe(map.canvas)
  }
  const [by, level] = map.untold ? [map.look.by, map.look.level] : [data.now.by, data.now.level] // what the server does not know yet stays
  colourBy(map, by, level)
  root.querySelector('.finding').textContent = data.now.finding
  fit(map)
  return () => {
    map.watch?.disconnect()
    leaveUntold(map)
    cancelAnimationFrame(map.request)
    mounted.delete(root)
  }
}

// The Playground's pictures: canvases that are drawn anew in every frame.

export const QUIET = '#8d8a85' // reads on light and on dark
export const type = { family: 'sans-serif' } // the page's font, once it is known

// A canvas as large as its box. ``reach`` is half the side of the square of the plane that it shows, around ``centre``.
export function surface(canvas, reach = 1, centre = [0, 0]) {
  const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1
  const [wide, high] = [Math.max(1, Math.round(canvas.clientWidth * ratio)), Math.max(1, Math.round(canvas.clientHeight * ratio))]
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high })
  const pen = canvas.getContext('2d')
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  pen.clearRect(0, 0, box.width, box.height)
  pen.globalAlpha = 1
  pen.setLineDash([])
  const [w, h] = [wide / ratio, high / ratio], scale = Math.min(w, h) / 2 / reach, [cx, cy] = centre
  return { pen, w, h, scale, centre, reach, whole: Math.max(w, h) / 2 / scale,
           at: (x, y) => [w / 2 + scale * (x - cx), h / 2 - scale * (y - cy)],
           back: (px, py) => [(px - w / 2) / scale + cx, (h / 2 - py) / scale + cy] }
}

function disc(pen, x, y, radius) {
  pen.beginPath()
  pen.arc(x, y, radius, 0, 2 * Math.PI)
}

export function line(view, from, to, { colour, width = 1, alpha = 1, dash = [] }) {
  const { pen } = view
  pen.globalAlpha = alpha
  pen.strokeStyle = colour
  pen.lineWidth = width
  pen.setLineDash(dash)
  pen.beginPath()
  pen.moveTo(...view.at(...from))
  pen.lineTo(...view.at(...to))
  pen.stroke()
  pen.setLineDash([])
  pen.globalAlpha = 1
}

export function arrow(view, from, to, look) {
  const [x0, y0] = view.at(...from), [x1, y1] = view.at(...to), length = Math.hypot(x1 - x0, y1 - y0)
  if (length < 2) return
  const { pen } = view, head = Math.min(8 + (look.width ?? 1), 0.6 * length), angle = Math.atan2(y1 - y0, x1 - x0)
  const stop = view.back(x1 - 0.7 * head * Math.cos(angle), y1 - 0.7 * head * Math.sin(angle))
  line(view, from, stop, look)
  pen.globalAlpha = look.alpha ?? 1
  pen.fillStyle = look.colour
  pen.beginPath()
  pen.moveTo(x1, y1)
  for (const side of [0.42, -0.42]) pen.lineTo(x1 - head * Math.cos(angle + side), y1 - head * Math.sin(angle + side))
  pen.fill()
  pen.globalAlpha = 1
}

export function axes(view, ink) {
  const { whole, centre: [x, y] } = view
  for (const [from, to] of [[[x - whole, 0], [x + whole, 0]], [[0, y - whole], [0, y + whole]]])
    line(view, from, to, { colour: ink, alpha: 0.13 })
}

// ---------------------------------------------------------------------------------------------------- cells

// Code k's Voronoi cell inside a square of the plane, by cutting with one half-plane after the other.
export function cell(book, k, reach, [cx, cy] = [0, 0]) {
  let corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([a, b]) => [cx + reach * a, cy + reach * b])
  const [x, y] = [book[2 * k], book[2 * k + 1]]
  for (let j = 0; 2 * j < book.length && corners.length; j++) {
    const [dx, dy] = [book[2 * j] - x, book[2 * j + 1] - y]
    if (j === k || (dx === 0 && dy === 0 && j > k)) continue
    const limit = (book[2 * j] ** 2 + book[2 * j + 1] ** 2 - x * x - y * y) / 2
    if (dx === 0 && dy === 0) return [] // the same place as an earlier code, which wins the tie
    const side = corners.map(([a, b]) => a * dx + b * dy - limit), kept = []
    corners.forEach((corner, n) => {
      const next = (n + 1) % corners.length
      if (side[n] <= 0) kept.push(corner)
      if (side[n] <= 0 !== side[next] <= 0) {
        const share = side[n] / (side[n] - side[next])
        kept.push([0, 1].map(axis => corner[axis] + share * (corners[next][axis] - corner[axis])))
      }
    })
    corners = kept
  }
  return corners
}

export function cells(view, book, fillOf, ink) {
  const { pen } = view
  for (let k = 0; 2 * k < book.length; k++) {
    const corners = cell(book, k, view.whole, view.centre)
    if (corners.length < 3) continue
    pen.beginPath()
    corners.forEach((corner, n) => pen[n ? 'lineTo' : 'moveTo'](...view.at(...corner)))
    pen.closePath()
    const [colour, alpha] = fillOf(k)
    pen.globalAlpha = alpha
    pen.fillStyle = colour
    pen.fill()
    pen.globalAlpha = 0.4
    pen.strokeStyle = ink
    pen.lineWidth = 1
    pen.stroke()
  }
  pen.globalAlpha = 1
}

const grids = {}

function grid(side, reach) {
  return grids[`${side} ${reach}`] ??= Float64Array.from({ length: 2 * side * side }, (_, at) => {
    const pixel = at >> 1, place = at & 1 ? side - 1 - Math.floor(pixel / side) : pixel % side
    return ((place + 0.5) / side * 2 - 1) * reach
  })
}

export function rgb(colour) {
  return [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16))
}

// The codes of every place of a square of the plane, as an image: hue by the first level given, shade by the second.
export function raster(codesOf, side, reach, colours, dark) {
  const [first, second] = codesOf(grid(side, reach)), image = new ImageData(side, side), hues = colours.map(rgb)
  const low = dark ? 70 : 52, edge = dark ? 190 : 165
  for (let pixel = 0; pixel < side * side; pixel++) {
    const right = pixel % side < side - 1 ? pixel + 1 : pixel, below = pixel + side < side * side ? pixel + side : pixel
    const border = codes => codes && (codes[pixel] !== codes[right] || codes[pixel] !== codes[below])
    const shade = second ? 38 * ((second[pixel] * 0.618) % 1) : 0
    image.data.set(hues[first[pixel] % hues.length], 4 * pixel)
    image.data[4 * pixel + 3] = border(first) ? edge : border(second) ? low + 62 : low + shade
  }
  const canvas = document.createElement('canvas')
  Object.assign(canvas, { width: side, height: side })
  canvas.getContext('2d').putImageData(image, 0, 0)
  return canvas
}

export function paint(view, image) {
  const side = 2 * view.whole * view.scale
  view.pen.imageSmoothingEnabled = true
  view.pen.drawImage(image, (view.w - side) / 2, (view.h - side) / 2, side, side)
}

// ---------------------------------------------------------------------------------------------------- marks

export function point(view, x, y, colour, ink, { chosen = false, alpha = 0.9 } = {}) {
  const { pen } = view
  disc(pen, ...view.at(x, y), chosen ? 6 : 2.8)
  pen.globalAlpha = chosen ? 1 : alpha
  pen.fillStyle = colour
  pen.fill()
  if (chosen) {
    pen.strokeStyle = ink
    pen.lineWidth = 2
    pen.stroke()
  }
  pen.globalAlpha = 1
}

// Where a reconstruction lies: a hollow diamond.
export function diamond(view, x, y, ink, chosen = false) {
  const { pen } = view, [px, py] = view.at(x, y), r = chosen ? 7 : 3.6
  pen.beginPath()
  ;[[0, -r], [r, 0], [0, r], [-r, 0]].forEach(([dx, dy], n) => pen[n ? 'lineTo' : 'moveTo'](px + dx, py + dy))
  pen.closePath()
  pen.globalAlpha = chosen ? 1 : 0.75
  pen.strokeStyle = ink
  pen.lineWidth = chosen ? 2 : 1
  pen.stroke()
  pen.globalAlpha = 1
}

// A code vector with its number; hollow, grey and crossed out where it is dead.
export function code(view, x, y, { number, colour, ink, paper, dead, square = false, few = true }) {
  const { pen } = view, [px, py] = view.at(x, y), r = few ? 8.5 : 6
  pen.beginPath()
  if (square) pen.rect(px - r, py - r, 2 * r, 2 * r)
  else pen.arc(px, py, r, 0, 2 * Math.PI)
  pen.fillStyle = dead ? paper : colour
  pen.strokeStyle = dead ? QUIET : ink
  pen.lineWidth = 1.6
  pen.fill()
  pen.stroke()
  if (dead) {
    pen.beginPath()
    for (const side of [1, -1]) {
      pen.moveTo(px - r * 0.6, py - side * r * 0.6)
      pen.lineTo(px + r * 0.6, py + side * r * 0.6)
    }
    pen.stroke()
  } else if (few) {
    const [red, green, blue] = rgb(colour)
    pen.fillStyle = 0.299 * red + 0.587 * green + 0.114 * blue > 120 ? '#000' : '#fff'
    pen.font = `650 10.5px ${type.family}`
    pen.textAlign = 'center'
    pen.textBaseline = 'middle'
    pen.fillText(number, px, py + 0.5)
  }
}

export function cross(view, x, y, colour) {
  const { pen } = view, [px, py] = view.at(x, y)
  pen.strokeStyle = colour
  pen.lineWidth = 3
  pen.beginPath()
  for (const side of [1, -1]) {
    pen.moveTo(px - 7, py - side * 7)
    pen.lineTo(px + 7, py + side * 7)
  }
  pen.stroke()
}

export function words(view, text, ink) {
  const { pen } = view
  pen.globalAlpha = 0.75
  pen.fillStyle = ink
  pen.font = `14px ${type.family}`
  pen.textAlign = 'center'
  pen.textBaseline = 'middle'
  text.split('\n').forEach((part, n, all) => pen.fillText(part, view.w / 2, view.h / 2 + 20 * (n - (all.length - 1) / 2)))
  pen.globalAlpha = 1
}

// ---------------------------------------------------------------------------------------------------- small charts

export function bars(canvas, counts, colourOf, ink) {
  const { pen, w, h } = surface(canvas), most = Math.max(1, ...counts), wide = w / counts.length
  counts.forEach((count, k) => {
    const high = count ? Math.max(3, (h - 2) * count / most) : 5, pad = Math.min(2, wide * 0.12)
    pen.fillStyle = colourOf(k)
    pen.strokeStyle = count ? ink : QUIET
    pen.lineWidth = 1
    if (count) pen.fillRect(k * wide + pad, h - high, wide - 2 * pad, high)
    else pen.strokeRect(k * wide + pad + 0.5, h - high, wide - 2 * pad - 1, high - 1)
  })
}

// Lines over the steps, with dashed marks where settings changed; on a logarithmic axis where told.
export function curves(canvas, series, { top, log = false, marks = [], ink, title, last }) {
  const { pen, w, h } = surface(canvas), n = Math.max(2, series[0].values.length), head = 15, foot = h - 2
  const low = log ? Math.log(1e-3) : 0, high = log ? Math.log(Math.max(0.01, top)) : top
  const share = value => ((log ? Math.log(Math.max(value, 1e-9)) : value) - low) / (high - low)
  const y = value => foot - (foot - head) * Math.min(1, Math.max(0, share(value)))
  pen.globalAlpha = 0.25
  pen.strokeStyle = ink
  pen.lineWidth = 1
  if (series[0].values.length > 1) pen.strokeRect(0.5, head - 0.5, w - 1, foot - head + 1)
  pen.globalAlpha = 0.8
  pen.setLineDash([4, 3])
  for (const step of marks) {
    const x = step / (n - 1) * w
    pen.beginPath()
    pen.moveTo(x, head)
    pen.lineTo(x, foot)
    pen.stroke()
  }
  pen.setLineDash([])
  for (const { values, colour, dash } of series) {
    const every = Math.max(1, Math.floor(values.length / w))
    pen.globalAlpha = 1
    pen.strokeStyle = colour
    pen.lineWidth = 2
    pen.setLineDash(dash ?? [])
    pen.beginPath()
    let started = false
    values.forEach((value, step) => {
      if (value === undefined || (step % every && step < values.length - 1)) return
      pen[started ? 'lineTo' : 'moveTo'](step / (n - 1) * w, y(value))
      started = true
    })
    pen.stroke()
  }
  pen.setLineDash([])
  pen.globalAlpha = 1
  pen.fillStyle = ink
  pen.font = `12px ${type.family}`
  pen.textBaseline = 'alphabetic'
  pen.textAlign = 'left'
  pen.fillText(title, 0, 10)
  pen.textAlign = 'right'
  pen.fillText(last, w, 10)
  if (series[0].values.length > 1) return
  pen.textAlign = 'left'
  pen.fillText('The curve begins with the first step.', 0, (head + foot) / 2 + 4)
}

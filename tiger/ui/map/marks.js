// Marks as pixels: every item is stamped into one picture, so that a hundred thousand of them need neither WebGL nor a library.

const CIRCLE = (p, r) => p.arc(0, 0, r, 0, 7)
const corners = points => (p, r) => points.forEach(([x, y], i) => (i ? p.lineTo(x * r, y * r) : p.moveTo(x * r, y * r)))
const star = Array.from({ length: 10 }, (_, i) => {
  const far = i % 2 ? 0.62 : 1.4, turn = Math.PI * (i / 5 - 0.5)
  return [far * Math.cos(turn), far * Math.sin(turn)]
})
const T = 0.4
const cross = [[-T, -1.2], [T, -1.2], [T, -T], [1.2, -T], [1.2, T], [T, T], [T, 1.2], [-T, 1.2], [-T, T], [-1.2, T], [-1.2, -T], [-T, -T]]
const turned = cross.map(([x, y]) => [(x - y) * Math.SQRT1_2, (x + y) * Math.SQRT1_2])
// In the order of ``colours.SHAPES``; the last one is "no ID"
const OUTLINES = [CIRCLE, corners([[-1, -1], [1, -1], [1, 1], [-1, 1]]), corners([[0, -1.35], [1.35, 0], [0, 1.35], [-1.35, 0]]),
  corners([[0, -1.25], [1.25, 0.95], [-1.25, 0.95]]), corners(cross), corners(star), corners([[0, 1.25], [1.25, -0.95], [-1.25, -0.95]]),
  corners(turned)]
const stamps = new Map()

export function outline(pen, shape, radius) {
  pen.beginPath()
  OUTLINES[shape](pen, radius)
  pen.closePath()
}

// How much of each pixel around the middle a shape covers, 0 to 255.
function stamp(shape, radius) {
  const name = `${shape}:${radius}`
  if (stamps.has(name)) return stamps.get(name)
  const half = Math.ceil(radius * 1.45), size = 2 * half + 1
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = size
  const pen = canvas.getContext('2d', { willReadFrequently: true })
  pen.translate(half + 0.5, half + 0.5)
  outline(pen, shape, radius)
  pen.fill()
  const { data } = pen.getImageData(0, 0, size, size)
  const found = { half, size, cover: Uint8Array.from({ length: size * size }, (_, i) => data[4 * i + 3]) }
  stamps.set(name, found)
  return found
}

// Stamp marks into RGBA pixels, each over those before it.
export function stampAll({ pixels, width, height, x, y, order, colour, shape, radius, palette, opacity }) {
  const n = order ? order.length : x.length
  for (let at = 0; at < n; at++) {
    const i = order ? order[at] : at, left = Math.round(x[i]), top = Math.round(y[i])
    const { half, size, cover } = stamp(shape[i], radius)
    if (left < -half || top < -half || left >= width + half || top >= height + half) continue
    const [red, green, blue] = palette[colour[i]], strong = opacity ? opacity[i] : 217
    for (let row = 0; row < size; row++) {
      const py = top + row - half
      if (py < 0 || py >= height) continue
      for (let column = 0; column < size; column++) {
        const px = left + column - half
        if (px < 0 || px >= width) continue
        const covered = cover[row * size + column]
        if (!covered) continue
        const to = 4 * (py * width + px), alpha = covered * strong / 65025, under = pixels[to + 3] / 255 * (1 - alpha), all = alpha + under
        pixels[to] = (red * alpha + pixels[to] * under) / all
        pixels[to + 1] = (green * alpha + pixels[to + 1] * under) / all
        pixels[to + 2] = (blue * alpha + pixels[to + 2] * under) / all
        pixels[to + 3] = 255 * all
      }
    }
  }
}

export const rgb = text => [1, 3, 5].map(at => parseInt(text.slice(at, at + 2), 16))

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

// The pixels around the middle that a shape covers, row by row, and how much of each, 1 to 255.
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
  const { data } = pen.getImageData(0, 0, size, size), at = []
  for (let i = 0; i < size * size; i++) if (data[4 * i + 3]) at.push([i % size - half, Math.floor(i / size) - half, data[4 * i + 3]])
  const [right, down, cover] = [0, 1, 2].map(part => Int32Array.from(at, one => one[part]))
  const found = { half, right, down, cover }
  stamps.set(name, found)
  return found
}

// Stamp marks into RGBA pixels, each over those before it.
export function stampAll({ pixels, width, height, x, y, order, colour, shape, radius, palette, opacity }) {
  const bytes = new Uint8Array(pixels.buffer), words = new Uint32Array(pixels.buffer)
  const shapes = Array.from({ length: 8 }, (_, i) => stamp(i, radius))
  const solid = palette.map(([red, green, blue]) => blue << 16 | green << 8 | red), n = order ? order.length : x.length // little-endian
  for (let at = 0; at < n; at++) {
    const i = order ? order[at] : at, left = Math.round(x[i]), top = Math.round(y[i])
    const { half, right, down, cover } = shapes[shape[i]]
    if (left < -half || top < -half || left >= width + half || top >= height + half) continue
    const [red, green, blue] = palette[colour[i]], paint = solid[colour[i]], strong = opacity ? opacity[i] : 217
    const inside = left >= half && top >= half && left < width - half && top < height - half
    for (let k = 0; k < cover.length; k++) {
      const px = left + right[k], py = top + down[k]
      if (!inside && (px < 0 || py < 0 || px >= width || py >= height)) continue
      const pixel = py * width + px, alpha = cover[k] * strong / 255
      if (!words[pixel]) words[pixel] = paint | Math.round(alpha) << 24
      else {
        const to = 4 * pixel, under = bytes[to + 3] * (255 - alpha) / 255, all = alpha + under
        bytes[to] = (red * alpha + bytes[to] * under) / all
        bytes[to + 1] = (green * alpha + bytes[to + 1] * under) / all
        bytes[to + 2] = (blue * alpha + bytes[to + 2] * under) / all
        bytes[to + 3] = all
      }
    }
  }
}

export const rgb = text => [1, 3, 5].map(at => parseInt(text.slice(at, at + 2), 16))

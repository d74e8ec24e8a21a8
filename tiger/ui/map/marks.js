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

const COVERED = 250 // of 255: what lies under such a pixel is not seen

// Stamp marks into RGBA pixels, each over those before it. The uppermost come first, so that most pixels of a crowd are written once.
export function stampAll({ pixels, width, height, x, y, order, colour, shape, radius, palette, opacity }) {
  const words = new Uint32Array(pixels.buffer), n = order ? order.length : x.length // little-endian
  const shapes = Array.from({ length: 8 }, (_, i) => stamp(i, radius)).map(one => ({ ...one, from: one.right.map((right, k) => one.down[k] * width + right) }))
  const paints = Uint32Array.from(palette, ([red, green, blue]) => blue << 16 | green << 8 | red)
  for (let at = n - 1; at >= 0; at--) {
    const i = order ? order[at] : at, left = Math.round(x[i]), top = Math.round(y[i]), mark = shapes[shape[i]], { half, right, down, from, cover } = mark
    if (left < -half || top < -half || left >= width + half || top >= height + half) continue
    const paint = paints[colour[i]], red = paint & 255, green = paint >> 8 & 255, blue = paint >> 16, strong = (opacity ? opacity[i] : 217) / 255
    const inside = left >= half && top >= half && left < width - half && top < height - half, middle = top * width + left
    for (let k = 0; k < cover.length; k++) {
      if (!inside && (left + right[k] < 0 || left + right[k] >= width || top + down[k] < 0 || top + down[k] >= height)) continue
      const pixel = middle + from[k], there = words[pixel], over = there >>> 24
      if (over >= COVERED) continue
      const alpha = cover[k] * strong
      if (!over) {
        words[pixel] = paint | alpha + 0.5 << 24
        continue
      }
      const more = alpha * (255 - over) / 255, all = over + more, part = more / all, was = 1 - part
      words[pixel] = all + 0.5 << 24 | (there >> 16 & 255) * was + blue * part + 0.5 << 16
        | (there >> 8 & 255) * was + green * part + 0.5 << 8 | (there & 255) * was + red * part + 0.5
    }
  }
}

export const rgb = text => [1, 3, 5].map(at => parseInt(text.slice(at, at + 2), 16))

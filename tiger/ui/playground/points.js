// Points in the plane: shapes drawn from a seed, by a generator that gives the same numbers in every browser, and drawn
// points as text for the address.

export const REACH = 1.5 // the plane is the square from -REACH to REACH
export const MAX_DRAWN = 200 // drawn points that an address carries
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const GRID = 512 // places a drawn point can have along each side: 18 bits, three letters

// Uniform numbers from 0 to 1. Source: mulberry32, public domain.
export function generator(seed) {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

export function gaussian(rand) {
  return Math.sqrt(-2 * Math.log(1 - rand())) * Math.cos(2 * Math.PI * rand())
}

function shape(n, seed, noise, place) {
  const rand = generator(seed + 1000), xy = new Float64Array(2 * n)
  for (let i = 0; i < n; i++) {
    const [x, y] = place(i, n, rand)
    xy[2 * i] = x + noise * gaussian(rand)
    xy[2 * i + 1] = y + noise * gaussian(rand)
  }
  return xy
}

const BLOBS = [[-0.85, 0.7], [0.55, 0.95], [1, -0.35], [0.05, -0.9], [-1.05, -0.55], [0, 0.15]]

export const SHAPES = {
  blobs: seed => shape(180, seed, 0.13, i => BLOBS[i % BLOBS.length]),
  ring: seed => shape(180, seed, 0.06, (i, n) => [Math.cos(2 * Math.PI * i / n), Math.sin(2 * Math.PI * i / n)]),
  spiral: seed => shape(180, seed, 0.035, (i, n) => {
    const turn = 1.2 + 9.5 * Math.sqrt(i / n), radius = 0.115 * turn
    return [radius * Math.cos(turn), radius * Math.sin(turn)]
  }),
  moons: seed => shape(180, seed, 0.06, (i, n) => {
    const angle = Math.PI * Math.floor(i / 2) / (n / 2 - 1), upper = i % 2 === 0
    return upper ? [-0.45 + 0.85 * Math.cos(angle), -0.2 + 0.85 * Math.sin(angle)]
      : [0.45 - 0.85 * Math.cos(angle), 0.2 - 0.85 * Math.sin(angle)]
  }),
  // four groups of four subgroups, which lie alike in every group, so that one codebook of offsets serves all
  tree: seed => shape(192, seed, 0.045, i => [(i & 1 ? 0.75 : -0.75) + (i & 4 ? 0.27 : -0.27),
                                              (i & 2 ? 0.75 : -0.75) + (i & 8 ? 0.27 : -0.27)]),
}

// Three letters a point.
export function pack(xy) {
  let text = ''
  for (let i = 0; i + 1 < xy.length; i += 2) {
    const [x, y] = [xy[i], xy[i + 1]].map(value => Math.min(GRID - 1, Math.max(0, Math.floor((value / REACH + 1) / 2 * GRID))))
    const number = x * GRID + y
    text += LETTERS[number >> 12] + LETTERS[(number >> 6) & 63] + LETTERS[number & 63]
  }
  return text
}

// What ``pack`` made, or as many points as can be read.
export function unpack(text) {
  const found = []
  for (let i = 0; i + 2 < text.length && found.length < 2 * MAX_DRAWN; i += 3) {
    const [a, b, c] = [0, 1, 2].map(k => LETTERS.indexOf(text[i + k]))
    if (Math.min(a, b, c) < 0) break
    const number = (a << 12) | (b << 6) | c
    found.push(...[number >> 9, number & 511].map(place => ((place + 0.5) / GRID * 2 - 1) * REACH))
  }
  return Float64Array.from(found)
}

export function pointsOf(settings) {
  return settings.points === 'drawn' ? unpack(settings.drawn) : SHAPES[settings.points](settings.seed)
}

// A small RQ-VAE on points of the plane, one step at a time: the loss, gradients, estimators and Adam of tiger/quantizers,
// which tests/unit/ui/test_playground_maths.py holds it to. Residual k-means and LSH beside it.
//
//   z = encoder(x),  r_1 = z,  c_l = argmin_k |r_l - e_k|,  r_{l+1} = r_l - sg[e_{c_l}],  q = sum_l e_{c_l}
//   loss = |x - decoder(q)|^2 + sum_l |sg[r_l] - e_{c_l}|^2 + beta |r_l - sg[e_{c_l}]|^2,  mean over all N points
//
// Arrays of pairs are flat: x of point i at 2 i, y at 2 i + 1. A batch is all points, so an epoch is a step.

const HIDDEN = 16 // units of the one hidden layer of encoder and decoder
const EPSILON = 1e-6 // of the rotation trick, as in tiger/quantizers/estimators.py
const KMEANS_ROUNDS = 10
const RIDGE = 1e-3 // of LSH's decoder, as in tiger/quantizers/lsh.py
export const FAR = 2.6 // where the codes of a far-off start lie, along both axes
export const LIVE = ['beta', 'rate', 'restart', 'estimator'] // settings that may change while it trains
export const ANEW = 'anew' // a turn that sets no value: all weights start again, while steps go on

// ---------------------------------------------------------------------------------------------------- networks

// An affine layer, ReLU, an affine layer; start values as torch.nn.Linear draws them.
export function network(rand) {
  const uniform = (n, fanIn) => Float64Array.from({ length: n }, () => (2 * rand() - 1) / Math.sqrt(fanIn))
  return { w1: uniform(2 * HIDDEN, 2), b1: uniform(HIDDEN, 2), w2: uniform(2 * HIDDEN, HIDDEN), b2: uniform(2, HIDDEN) }
}

export function forward(net, x, n) {
  const hidden = net.b1.length, h = new Float64Array(n * hidden), y = new Float64Array(2 * n)
  for (let i = 0; i < n; i++) {
    let [first, second] = net.b2
    for (let j = 0; j < hidden; j++) {
      const value = net.w1[2 * j] * x[2 * i] + net.w1[2 * j + 1] * x[2 * i + 1] + net.b1[j]
      if (value > 0) {
        h[i * hidden + j] = value
        first += net.w2[j] * value
        second += net.w2[hidden + j] * value
      }
    }
    y[2 * i] = first
    y[2 * i + 1] = second
  }
  return { h, y }
}

// Gradients of the weights, and of the input, from that of the output.
export function backward(net, x, h, gradY, n) {
  const hidden = net.b1.length, gradX = new Float64Array(2 * n)
  const grad = { w1: new Float64Array(2 * hidden), b1: new Float64Array(hidden), w2: new Float64Array(2 * hidden),
                 b2: new Float64Array(2) }
  for (let i = 0; i < n; i++) {
    const first = gradY[2 * i], second = gradY[2 * i + 1]
    grad.b2[0] += first
    grad.b2[1] += second
    for (let j = 0; j < hidden; j++) {
      const value = h[i * hidden + j]
      if (value <= 0) continue
      grad.w2[j] += first * value
      grad.w2[hidden + j] += second * value
      const back = first * net.w2[j] + second * net.w2[hidden + j]
      grad.b1[j] += back
      grad.w1[2 * j] += back * x[2 * i]
      grad.w1[2 * j + 1] += back * x[2 * i + 1]
      gradX[2 * i] += back * net.w1[2 * j]
      gradX[2 * i + 1] += back * net.w1[2 * j + 1]
    }
  }
  return { grad, gradX }
}

// ---------------------------------------------------------------------------------------------------- codebooks

export function nearest(book, x, y) {
  let best = 0, least = Infinity
  for (let k = 0; 2 * k < book.length; k++) {
    const distance = (book[2 * k] - x) ** 2 + (book[2 * k + 1] - y) ** 2
    if (distance < least) [best, least] = [k, distance]
  }
  return best
}

// Codes of every level, what reaches each level, what is left in the end.
export function quantise(books, z, n) {
  const rows = [], codes = [], left = Float64Array.from(z)
  for (const book of books) {
    rows.push(Float64Array.from(left))
    const chosen = new Int32Array(n)
    for (let i = 0; i < n; i++) {
      const k = chosen[i] = nearest(book, left[2 * i], left[2 * i + 1])
      left[2 * i] -= book[2 * k]
      left[2 * i + 1] -= book[2 * k + 1]
    }
    codes.push(chosen)
  }
  return { rows, codes, left }
}

export function counted(codes, n) {
  const counts = new Int32Array(n)
  for (const code of codes) counts[code]++
  return counts
}

// exp of the entropy: how many codes are effectively in use.
export function perplexity(counts) {
  const total = counts.reduce((sum, count) => sum + count, 0)
  let entropy = 0
  for (const count of counts) if (count > 0) entropy -= count / total * Math.log(count / total)
  return Math.exp(entropy)
}

// Every code with rows moves to their mean: one round of Lloyd's algorithm. Returns how far they moved in all.
export function toMeans(book, rows, codes) {
  const sums = new Float64Array(book.length), counts = counted(codes, book.length / 2)
  let moved = 0
  codes.forEach((k, i) => {
    sums[2 * k] += rows[2 * i]
    sums[2 * k + 1] += rows[2 * i + 1]
  })
  for (let at = 0; at < book.length; at++) {
    const count = counts[at >> 1]
    if (count === 0) continue
    moved += Math.abs(book[at] - sums[at] / count)
    book[at] = sums[at] / count
  }
  return moved
}

// Start values by k-means++: each next one is a row, the likelier the farther it lies from the ones before.
function spreadRows(rows, k, rand) {
  const n = rows.length / 2, book = new Float64Array(2 * k), far = new Float64Array(n).fill(Infinity)
  let pick = Math.floor(rand() * n)
  for (let code = 0; code < k; code++) {
    book.set(rows.subarray(2 * pick, 2 * pick + 2), 2 * code)
    let total = 0
    for (let i = 0; i < n; i++) {
      far[i] = Math.min(far[i], (rows[2 * i] - rows[2 * pick]) ** 2 + (rows[2 * i + 1] - rows[2 * pick + 1]) ** 2)
      total += far[i]
    }
    let rest = rand() * total
    for (pick = 0; pick < n - 1 && (rest -= far[pick]) > 0;) pick++
  }
  return book
}

// A codebook before training: by k-means of the rows, Gaussian noise, or noise far off.
function startBook(start, rows, k, rand, rounds) {
  if (start === 'kmeans') {
    const book = spreadRows(rows, k, rand)
    for (let round = 0; round < rounds; round++) toMeans(book, rows, quantise([book], rows, rows.length / 2).codes[0])
    return book
  }
  const [centre, width] = start === 'far' ? [FAR, 0.35] : [0, 1]
  return Float64Array.from({ length: 2 * k }, () => centre + width * gaussian(rand))
}

// ---------------------------------------------------------------------------------------------------- estimators

// What reaches z of the gradient at q: copied, rotated and scaled, or nothing. See tiger/quantizers/estimators.py.
export function passed(estimator, z, q, gradQ) {
  if (estimator === 'ste') return gradQ
  const out = new Float64Array(gradQ.length)
  if (estimator === 'none') return out
  for (let i = 0; i < z.length; i += 2) {
    const zNorm = Math.max(Math.hypot(z[i], z[i + 1]), EPSILON), qNorm = Math.max(Math.hypot(q[i], q[i + 1]), EPSILON)
    const a = [z[i] / zNorm, z[i + 1] / zNorm], b = [q[i] / qNorm, q[i + 1] / qNorm]
    const m = [a[0] + b[0], a[1] + b[1]], mNorm = Math.max(Math.hypot(...m), EPSILON)
    const [g, h] = [gradQ[i], gradQ[i + 1]], alongM = (g * m[0] + h * m[1]) / mNorm / mNorm, alongB = g * b[0] + h * b[1]
    out[i] = (g - 2 * alongM * m[0] + 2 * alongB * a[0]) * qNorm / zNorm
    out[i + 1] = (h - 2 * alongM * m[1] + 2 * alongB * a[1]) * qNorm / zNorm
  }
  return out
}

// ---------------------------------------------------------------------------------------------------- a training

// Args: settings (method, levels, codes, beta, rate, restart, start, estimator, seed, turns) and the points, which stay.
// ``turns`` are settings that change on the way: [step, name, value]; ``ANEW`` is one of them.
export function begin(settings, xy) {
  const lab = { ...settings, turns: settings.turns ?? [], xy, n: xy.length / 2, step: 0, began: 0, rand: generator(settings.seed),
                trained: settings.method === 'rqvae' || settings.method === 'vqvae', books: [], restarts: 0 }
  if (lab.method === 'vqvae') lab.levels = 1
  if (lab.method === 'lsh') beginPlanes(lab)
  else if (lab.trained) beginWeights(lab)
  else if (lab.n > 0) lab.books.push(startBook(lab.start, xy, lab.codes, lab.rand, 0))
  lab.seen = see(lab)
  return lab
}

function beginWeights(lab) {
  Object.assign(lab, { encoder: network(lab.rand), decoder: network(lab.rand), books: [], began: lab.step })
  let { y: rows } = forward(lab.encoder, lab.xy, lab.n)
  for (let level = 0; level < lab.levels && lab.n > 0; level++) {
    lab.books.push(startBook(lab.start, rows, lab.codes, lab.rand, KMEANS_ROUNDS))
    rows = quantise(lab.books.slice(-1), rows, lab.n).left
  }
  lab.moments = weights(lab).map(array => ({ m: new Float64Array(array.length), v: new Float64Array(array.length) }))
}

// One setting is another from this step on, or all weights start again. The same once more changes nothing.
export function turn(lab, name, value) {
  if (name !== ANEW) lab[name] = value
  else if (lab.trained && lab.began !== lab.step) {
    beginWeights(lab)
    lab.seen = see(lab)
  }
}

// Hidden units of the encoder that are above zero for some point; the others have no gradient and give nothing.
export function active(lab) {
  const on = new Set()
  lab.seen.hidden.forEach((value, at) => value > 0 && on.add(at % HIDDEN))
  return [on.size, HIDDEN]
}

export function weights(lab) {
  return [...Object.values(lab.encoder), ...Object.values(lab.decoder), ...lab.books]
}

// The forward pass of all points: latents, codes, reconstructions, the parts of the loss, how often each code is used.
export function see(lab) {
  const { n, xy } = lab
  if (n === 0) return null
  if (lab.method === 'lsh') return seePlanes(lab)
  const encoded = lab.trained ? forward(lab.encoder, xy, n) : { y: xy }
  const seen = { z: encoded.y, hidden: encoded.h, ...quantise(lab.books, encoded.y, n) }
  seen.q = seen.z.map((value, at) => value - seen.left[at])
  const decoded = lab.trained ? forward(lab.decoder, seen.q, n) : { y: seen.q }
  Object.assign(seen, { out: decoded.y, hiddenOut: decoded.h, counts: seen.codes.map(codes => counted(codes, lab.codes)) })
  let commit = 0
  for (let level = 0; level < lab.books.length; level++) {
    const after = seen.rows[level + 1] ?? seen.left
    for (const value of after) commit += value * value
  }
  seen.parts = parts(seen.out, xy, n, commit / n, lab.trained ? lab.beta : 0)
  return seen
}

function parts(out, xy, n, commit, beta) {
  let recon = 0
  for (let at = 0; at < 2 * n; at++) recon += (out[at] - xy[at]) ** 2 / n
  return { recon, codebook: commit, commit, loss: recon + (1 + beta) * commit }
}

// Derivatives of the loss by the weights, in the order of ``weights``, and by each latent: what the estimator hands on of
// the reconstruction loss, and the commitment loss.
export function gradients(lab, seen) {
  const { n, xy, beta } = lab
  const gradOut = seen.out.map((value, at) => 2 / n * (value - xy[at]))
  const decoder = backward(lab.decoder, seen.q, seen.hiddenOut, gradOut, n)
  const ofRecon = passed(lab.estimator, seen.z, seen.q, decoder.gradX), ofCommit = new Float64Array(2 * n)
  const books = lab.books.map((book, level) => {
    const grad = new Float64Array(book.length), after = seen.rows[level + 1] ?? seen.left
    for (let at = 0; at < 2 * n; at++) {
      grad[2 * seen.codes[level][at >> 1] + (at & 1)] -= 2 / n * after[at]
      ofCommit[at] += 2 * beta / n * after[at]
    }
    return grad
  })
  const gradZ = ofRecon.map((value, at) => value + ofCommit[at])
  const encoder = backward(lab.encoder, xy, seen.hidden, gradZ, n)
  return { gradQ: decoder.gradX, ofRecon, ofCommit, gradZ,
           ofWeights: [...Object.values(encoder.grad), ...Object.values(decoder.grad), ...books] }
}

// One step of training, of k-means, or one more hyperplane. Returns whether anything is left to do.
export function advance(lab) {
  if (lab.n === 0 || finished(lab)) return false
  for (const [step, name, value] of lab.turns) if (step === lab.step) turn(lab, name, value)
  lab.restarts = 0
  if (lab.method === 'lsh') lab.shown++
  else if (lab.method === 'kmeans') lloyd(lab)
  else {
    const { ofWeights } = gradients(lab, lab.seen), time = lab.step - lab.began + 1
    weights(lab).forEach((array, which) => adam(array, ofWeights[which], lab.moments[which], lab.rate, time))
    if (lab.restart) lab.books.forEach((_, level) => restart(lab, level))
  }
  lab.step++
  lab.seen = see(lab)
  return !finished(lab)
}

export function finished(lab) {
  return lab.method === 'lsh' ? lab.shown >= lab.planes.length / 2 : lab.method === 'kmeans' && Boolean(lab.settled)
}

// Source: Kingma and Ba 2015, arXiv:1412.6980, with torch.optim.Adam's defaults.
function adam(array, grad, { m, v }, rate, time) {
  const first = 1 - 0.9 ** time, second = Math.sqrt(1 - 0.999 ** time)
  for (let at = 0; at < array.length; at++) {
    m[at] = 0.9 * m[at] + 0.1 * grad[at]
    v[at] = 0.999 * v[at] + 0.001 * grad[at] ** 2
    array[at] -= rate / first * m[at] / (Math.sqrt(v[at]) / second + 1e-8)
  }
}

// Codes that no point chose in this step move to what reached their level of some point, drawn without replacement.
function restart(lab, level) {
  const counts = lab.seen.counts[level], dead = []
  counts.forEach((count, k) => count === 0 && dead.push(k))
  if (!dead.length) return
  const order = Array.from({ length: lab.n }, (_, i) => i)
  const moments = lab.moments?.[lab.moments.length - lab.books.length + level]
  dead.forEach((k, place) => {
    const at = place % lab.n, other = at + Math.floor(lab.rand() * (lab.n - at))
    ;[order[at], order[other]] = [order[other], order[at]]
    for (const axis of [0, 1]) {
      lab.books[level][2 * k + axis] = lab.seen.rows[level][2 * order[at] + axis]
      if (moments) moments.m[2 * k + axis] = moments.v[2 * k + axis] = 0 // they speak of where the code was
    }
  })
  lab.restarts += dead.length
}

// ---------------------------------------------------------------------------------------------------- k-means, LSH

// One round at the last level; where nothing moves any more, the next level starts on what is left.
function lloyd(lab) {
  const level = lab.books.length - 1, { rows, codes, left } = lab.seen
  const moved = toMeans(lab.books[level], rows[level], codes[level])
  if (lab.restart && lab.n > lab.codes) restart(lab, level)
  if (moved > 1e-9 || lab.restarts) return
  if (lab.books.length < lab.levels) lab.books.push(startBook(lab.start, left, lab.codes, lab.rand, 0))
  else lab.settled = true
}

function beginPlanes(lab) {
  const n_planes = lab.levels * Math.log2(lab.codes)
  lab.planes = Float64Array.from({ length: 2 * n_planes }, () => gaussian(lab.rand))
  lab.shown = 0
  lab.centre = [0, 1].map(axis => lab.xy.reduce((sum, value, at) => at % 2 === axis ? sum + value / lab.n : sum, 0))
}

// Whether a point lies on a hyperplane's positive side, for the planes drawn so far.
export function planeBit(lab, plane, x, y) {
  return (x - lab.centre[0]) * lab.planes[2 * plane] + (y - lab.centre[1]) * lab.planes[2 * plane + 1] >= 0
}

export function planeCode(lab, level, x, y) {
  const bits = Math.log2(lab.codes)
  let code = 0
  for (let bit = 0; bit < bits; bit++) {
    const plane = level * bits + bit
    if (plane < lab.shown && planeBit(lab, plane, x, y)) code |= 1 << bit
  }
  return code
}

// Codes from the planes' sides; the decoder is the least-squares guess of a point from the signs.
function seePlanes(lab) {
  const { n, xy, shown, centre } = lab
  const codes = Array.from({ length: lab.levels }, (_, level) =>
    Int32Array.from({ length: n }, (_, i) => planeCode(lab, level, xy[2 * i], xy[2 * i + 1])))
  const sign = Array.from({ length: n }, (_, i) =>
    Float64Array.from({ length: shown }, (_, plane) => planeBit(lab, plane, xy[2 * i], xy[2 * i + 1]) ? 1 : -1))
  const gram = Array.from({ length: shown }, (_, a) => Float64Array.from({ length: shown + 2 }, (_, b) =>
    b < shown ? sign.reduce((sum, row) => sum + row[a] * row[b], a === b ? RIDGE : 0)
      : sign.reduce((sum, row, i) => sum + row[a] * (xy[2 * i + b - shown] - centre[b - shown]), 0)))
  const guess = solve(gram, shown), out = new Float64Array(2 * n)
  for (let at = 0; at < 2 * n; at++) out[at] = sign[at >> 1].reduce((sum, s, a) => sum + s * guess[a][at & 1], centre[at & 1])
  const left = xy.map((value, at) => value - out[at])
  return { z: xy, q: out, out, codes, rows: codes.map(() => xy), left, guess,
           counts: codes.map(codes => counted(codes, lab.codes)), parts: parts(out, xy, n, 0, 0) }
}

// Gauss-Jordan elimination of [A | b], two right-hand sides; A is symmetric and positive definite.
function solve(rows, n) {
  for (let a = 0; a < n; a++) {
    const head = rows[a][a]
    for (let b = 0; b < rows[a].length; b++) rows[a][b] /= head
    for (let c = 0; c < n; c++) {
      const share = rows[c][a]
      if (c !== a) for (let b = a; b < rows[c].length; b++) rows[c][b] -= share * rows[a][b]
    }
  }
  return rows.map(row => [row[n], row[n + 1]])
}

// The codes that any points of the plane would get.
export function encode(lab, xy) {
  const n = xy.length / 2
  if (lab.method === 'lsh') return Array.from({ length: lab.levels }, (_, level) =>
    Int32Array.from({ length: n }, (_, i) => planeCode(lab, level, xy[2 * i], xy[2 * i + 1])))
  return quantise(lab.books, lab.trained ? forward(lab.encoder, xy, n).y : xy, n).codes
}

// Distinct semantic IDs among the points.
export function distinct(codes, n) {
  const found = new Set()
  for (let i = 0; i < n; i++) found.add(codes.map(level => level[i]).join())
  return found.size
}

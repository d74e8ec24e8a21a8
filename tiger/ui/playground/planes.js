// The Playground's three planes: points and reconstructions, latents with the gradient, residuals; LSH's lines.

const colourOf = (play, code) => play.data.colours[code % play.data.colours.length]
const pair = (array, i) => [array[2 * i], array[2 * i + 1]]

function blend(from, to, t) {
  return from && to && from.length === to.length ? to.map((value, at) => from[at] + t * (value - from[at])) : to
}

// The part of a plane that holds latents or residuals and their code vectors; it follows them gently.
function frameOf(play, which, rows, book) {
  const range = axis => {
    const own = [...rows].filter((_, at) => at % 2 === axis).sort((a, b) => a - b), edge = Math.floor(0.01 * own.length)
    const codes = [...book ?? []].filter((_, at) => at % 2 === axis)
    return [Math.min(own[edge], ...codes), Math.max(own[own.length - 1 - edge], ...codes)]
  }
  const [x, y] = [range(0), range(1)], reach = 1.15 * Math.max(x[1] - x[0], y[1] - y[0], 0.02) / 2
  return follow(play, which, [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2, reach])
}

// What a plane shows on its way to what is wanted: reach, and centre.
function follow(play, which, wanted) {
  const shown = play.views[which] ?? wanted, near = wanted.every((value, n) => Math.abs(value - shown[n]) < 0.01 * shown[2])
  const next = near || play.still ? wanted : blend(shown, wanted, 0.16)
  play.settling ||= !near
  play.views[which] = next
  return [next[2], next.slice(0, 2)]
}

// Points and reconstructions: the square that can be drawn in, or up to twice as much where reconstructions are outside.
function frameOfPoints(play, out) {
  const far = play.settings.points === 'drawn' ? 0 : 1.08 * out.reduce((most, value) => Math.max(most, Math.abs(value) || 0), 0)
  return follow(play, 'points', [0, 0, Math.min(Math.max(REACH, far), 2 * REACH)])
}

function planeOfPoints(play, canvas, now, shown) {
  const { lab } = play, view = surface(canvas, ...frameOfPoints(play, now.out)), key = `${lab.step} ${play.dark} ${view.reach}`
  if (play.image?.key !== key || (play.image.side < 200 && !play.playing && play.t === 1)) {
    const side = play.playing || play.t < 1 ? 96 : 220
    play.image = { key, side, canvas: raster(xy => encode(lab, xy), side, view.whole, play.data.colours, play.dark) }
  }
  paint(view, play.image.canvas)
  axes(view, play.ink)
  const share = play.phase === 'decode' ? play.t : 1
  for (let i = 0; i < lab.n; i++) {
    const x = pair(lab.xy, i), out = blend(x, pair(now.out, i), share)
    line(view, x, out, { colour: play.ink, alpha: play.phase === 'decode' ? 0.6 : 0.3 })
    diamond(view, ...out, play.ink)
  }
  for (let i = 0; i < lab.n; i++) point(view, ...pair(lab.xy, i), colourOf(play, now.codes[0][i]), play.ink)
  if (play.phase !== 'decode') arrow(view, pair(lab.xy, shown), pair(now.out, shown), { colour: play.ink, width: 2 })
  diamond(view, ...blend(pair(lab.xy, shown), pair(now.out, shown), share), play.ink, true)
  point(view, ...pair(lab.xy, shown), colourOf(play, now.codes[0][shown]), play.ink, { chosen: true })
}

// Hyperplanes of one level of LSH, over the points.
function planeOfPlanes(play, canvas, now, shown, level) {
  const { lab } = play, view = surface(canvas, REACH), bits = Math.log2(lab.codes)
  paint(view, raster(xy => [encode(lab, xy)[level]], 110, view.whole, play.data.colours, play.dark))
  for (let plane = level * bits; plane < Math.min(lab.shown, (level + 1) * bits); plane++) {
    const [a, b] = pair(lab.planes, plane), far = 4 / Math.hypot(a, b), latest = plane === lab.shown - 1
    line(view, [lab.centre[0] - far * b, lab.centre[1] + far * a], [lab.centre[0] + far * b, lab.centre[1] - far * a],
         { colour: play.ink, width: latest ? 3 : 1.5 })
  }
  for (let i = 0; i < lab.n; i++) point(view, ...pair(lab.xy, i), colourOf(play, now.codes[level][i]), play.ink)
  point(view, ...pair(lab.xy, shown), colourOf(play, now.codes[level][shown]), play.ink, { chosen: true })
}

function planeOfLatents(play, canvas, now, shown) {
  const { lab } = play
  if (lab.method === 'lsh') return planeOfPlanes(play, canvas, now, shown, 0)
  const view = surface(canvas, ...frameOf(play, 0, now.z, now.books[0])), encoding = play.phase === 'encode'
  cells(view, now.books[0], k => [colourOf(play, k), now.counts[0][k] ? play.dark ? 0.3 : 0.22 : 0.06], play.ink)
  axes(view, play.ink)
  const place = i => encoding ? blend(pair(lab.xy, i), pair(now.z, i), play.t) : pair(now.z, i)
  for (let i = 0; i < lab.n; i++) {
    const code = now.codes[0][i], to = pair(now.books[0], code)
    if (play.phase === 'assign')
      line(view, pair(now.z, i), blend(pair(now.z, i), to, play.t), { colour: colourOf(play, code), width: 1.5 })
    else if (play.all) arrow(view, to, place(i), { colour: play.ink, alpha: 0.35 })
    point(view, ...place(i), encoding && play.t < 1 ? QUIET : colourOf(play, code), play.ink)
  }
  const mark = k => code(view, ...pair(now.books[0], k), {
    number: k, colour: colourOf(play, k), ink: play.ink, paper: play.paper, dead: !now.counts[0][k], few: lab.codes <= 16 })
  for (const dead of [true, false]) now.counts[0].forEach((count, k) => count > 0 === dead || mark(k))
  if (!encoding) {
    arrow(view, pair(now.books[0], now.codes[0][shown]), pair(now.z, shown), { colour: play.ink, width: 2 })
    mark(now.codes[0][shown]) // over the arrow, or its number could not be read
  }
  point(view, ...place(shown), colourOf(play, now.codes[0][shown]), play.ink, { chosen: true })
  if (lab.trained && !encoding && play.phase !== 'assign') slopes(play, view, now, shown)
}

// The gradient as the decoder hands it to q, and what of it reaches z; steps go against it, so the arrows point downhill.
function slopes(play, view, now, shown) {
  const { lab } = play
  if (play.slopes?.seen !== lab.seen) play.slopes = { seen: lab.seen, ...gradients(lab, lab.seen) }
  const { gradQ, ofRecon, ofCommit } = play.slopes
  const lengths = Array.from({ length: lab.n }, (_, i) => Math.hypot(...pair(gradQ, i))).sort((a, b) => a - b)
  const unit = 0.3 * view.reach / (lengths[Math.floor(0.9 * (lab.n - 1))] || 1)
  const down = (from, grad, i, look) => {
    const g = pair(grad, i), longest = 0.45 * view.reach, factor = Math.min(unit, longest / (Math.hypot(...g) || 1))
    arrow(view, from, from.map((value, axis) => value - factor * g[axis]), look)
  }
  const everyone = play.all || play.phase === 'gradient'
  if (everyone) for (let i = 0; i < lab.n; i++) down(pair(now.z, i), ofRecon, i, { colour: play.violet, alpha: 0.6, width: 1 })
  const [z, q] = [pair(now.z, shown), pair(now.q, shown)]
  line(view, z, q, { colour: play.violet, dash: [2, 3] })
  down(q, gradQ, shown, { colour: play.violet, width: 2.5, alpha: 0.75 })
  if (lab.estimator === 'none') cross(view, ...z, play.violet)
  else down(z, ofRecon, shown, { colour: play.violet, width: 3 })
  down(z, ofCommit, shown, { colour: play.ink, width: 2, dash: [4, 3] })
}

function planeOfResiduals(play, canvas, now, shown) {
  const { lab, level } = play
  if (lab.method === 'lsh') {
    if (lab.levels > 1) planeOfPlanes(play, canvas, now, shown, level)
    else words(surface(canvas), 'There is one level only.', play.ink)
    return
  }
  const rows = now.after(level - 1), before = level === 1 ? now.z : now.after(level - 2), book = now.books[level]
  const codes = now.codes[level], hue = i => colourOf(play, now.codes[0][i]), part = play.phase === 'residual' ? play.t : 1
  const view = surface(canvas, ...frameOf(play, level, rows, book))
  if (book) cells(view, book, k => {
    if (codes[shown] === k) return [hue(shown), 0.3]
    return [play.ink, now.counts[level][k] ? 0.05 + 0.09 * ((k * 0.618) % 1) : 0.02]
  }, play.ink)
  axes(view, play.ink)
  const place = i => part < 0.6 ? blend(pair(before, i), pair(rows, i), part / 0.6) : pair(rows, i)
  for (let i = 0; i < lab.n; i++) {
    const row = pair(rows, i)
    if (book && part > 0.6 && part < 1) line(view, row, blend(row, pair(book, codes[i]), (part - 0.6) / 0.4), { colour: hue(i) })
    if (book && play.all && part === 1) arrow(view, pair(book, codes[i]), row, { colour: play.ink, alpha: 0.35 })
    point(view, ...place(i), hue(i), play.ink)
  }
  const mark = k => code(view, ...pair(book, k), {
    number: k, colour: play.dark ? '#e9e6e1' : '#33302c', ink: play.paper, paper: play.paper, dead: !now.counts[level][k],
    square: true, few: lab.codes <= 16 })
  if (book) now.counts[level].forEach((_, k) => mark(k))
  arrow(view, book ? pair(book, codes[shown]) : [0, 0], place(shown), { colour: play.ink, width: 2 })
  if (book) mark(codes[shown])
  point(view, ...place(shown), hue(shown), play.ink, { chosen: true })
}

function drawCursor(play, canvas) {
  if (play.settings.points !== 'drawn' || play.root.activeElement !== canvas || !play.cursor) return
  const view = { ...surfaceOf(canvas), pen: canvas.getContext('2d') }
  point(view, ...play.cursor, play.paper, play.ink, { chosen: true })
}

// What ``surface`` gives, without clearing the canvas.
function surfaceOf(canvas) {
  const [w, h] = [canvas.clientWidth, canvas.clientHeight], scale = Math.min(w, h) / 2 / REACH
  return { scale, at: (x, y) => [w / 2 + scale * x, h / 2 - scale * y] }
}

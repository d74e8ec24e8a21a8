// The Playground itself: playing, slow motion in parts, three planes, what is under the pointer, and drawing.

const plays = new WeakMap()
const STEP_MS = { normal: 50, single: 350, part: 1500 }
const FAST = 4 // steps in a frame
const VIOLET = { light: '#7a3fa0', dark: '#cba3e8' }

function shot(play) {
  const { lab } = play
  return { seen: lab.seen, books: lab.books.map(book => book.slice()), step: lab.step, lab }
}

// Start anew with the settings, and go on to a step at once: the same settings always lead to the same picture.
function start(play, steps = 0) {
  play.lab = begin(play.settings, pointsOf(play.settings))
  Object.assign(play, { edited: false, phase: null, history: [], views: [], image: null, level: 1, chosen: Math.min(play.chosen, Math.max(0, play.lab.n - 1)) })
  note(play)
  for (let step = 0; step < steps; step++) {
    advance(play.lab)
    note(play)
  }
  refreshed(play)
  captions(play)
}

function refreshed(play) {
  play.from = play.to = shot(play)
  play.image = null
  play.t = 1
  syncControls(play)
  thumbnails(play)
  wake(play)
}

function note({ lab, history }) {
  history[lab.step] = lab.seen && { recon: lab.seen.parts.recon, perplexity: lab.seen.counts.map(perplexity) }
}

function go(play) {
  const { lab, history, data } = play
  if (lab.n === 0 || finished(lab) || lab.step >= data.max_steps) return false
  const turned = lab.turns.some(([step]) => step === lab.step)
  advance(lab)
  history.length = lab.step
  note(play)
  if (turned) syncControls(play)
  return true
}

export function toggle(play) {
  play.playing = !play.playing
  if (play.playing && finished(play.lab)) start(play)
  wake(play)
  if (!play.playing) remember(play, true)
}

export function single(play) {
  play.playing = false
  move(play, performance.now(), STEP_MS.single)
  wake(play)
  remember(play, true)
}

// ---------------------------------------------------------------------------------------------------- time

const PARTS = {
  encode: ['two', '**1 Encode.** The encoder maps every point x to its latent z.'],
  assign: ['two', '**2 Level 1.** Every latent gets the code of the nearest code vector: its cell.'],
  residual: ['three', '**3 Level 2.** What level 1 leaves, r = z − e, gets the nearest code of the next codebook, shared by all cells.'],
  decode: ['one', '**4 Decode.** The decoder maps the sum of the code vectors to a reconstruction x̂; the distance to x is the error.'],
  gradient: ['two', ''],
  update: ['two', '**6 Update.** Encoder, decoder and code vectors each take a small step against their gradient.'],
}
const ESTIMATED = {
  ste: '**5 Gradient.** The nearest code has no derivative, so the gradient at the code vectors (q) is copied to the latent z: straight-through.',
  rotation: '**5 Gradient.** The nearest code has no derivative, so the gradient at q is rotated and scaled from q to z, and handed to the encoder.',
  none: '**5 Gradient.** The nearest code has no derivative, and without an estimator nothing of the error reaches the encoder.',
}

function partsOf(lab) {
  return Object.keys(PARTS).filter(part => part !== 'residual' || lab.books.length > 1)
}

// The next thing to see: a part of a step in slow motion, else a step.
function move(play, now, duration) {
  if (play.speed === 'slow' && play.lab.trained && play.lab.n) {
    const parts = partsOf(play.lab), next = (parts.indexOf(play.phase) + 1) % parts.length
    play.phase = parts[next]
    play.from = play.to
    if (play.phase === 'update' && !go(play)) play.playing = false
    Object.assign(play, { to: shot(play), t: 0, since: now, duration: STEP_MS.part })
    return
  }
  play.from = play.to
  if (!go(play)) play.playing = false
  Object.assign(play, { to: shot(play), t: 0, since: now, duration: play.speed === 'slow' && play.playing ? 700 : duration })
}

export function wake(play) {
  play.request ??= requestAnimationFrame(now => frame(play, now))
}

function frame(play, now) {
  play.request = null
  if (!play.root.isConnected && !play.root.host?.isConnected) return
  if (play.t < 1) {
    play.t = Math.min(1, (now - play.since) / play.duration)
    if (play.still) play.t = 1 // no motion between two pictures; each stays for its time
    if (play.t === 1) play.hold = play.still ? now + Math.max(500, play.duration) : play.phase ? now + 700 : 0
  }
  if (play.t >= 1 && play.playing && now >= (play.hold ?? 0)) {
    if (play.speed === 'fast') {
      for (let n = 0; n < FAST && play.playing; n++) play.playing = go(play)
      play.from = play.to = shot(play)
    } else move(play, now, STEP_MS.normal)
    remember(play)
  }
  draw(play)
  if (play.playing || play.t < 1 || play.settling) wake(play)
}

// ---------------------------------------------------------------------------------------------------- pictures

function blend(from, to, t) {
  return from && to && from.length === to.length ? to.map((value, at) => from[at] + t * (value - from[at])) : to
}

// What is on the planes between two steps.
function between(play) {
  const { from, to, t } = play, mix = name => blend(from.seen?.[name], to.seen[name], t)
  const same = from.lab === to.lab && from.seen ? from : to
  const after = level => blend(same.seen.rows[level + 1] ?? same.seen.left, to.seen.rows[level + 1] ?? to.seen.left, t)
  return { ...to.seen, z: mix('z'), out: mix('out'), q: mix('q'), after,
           books: to.books.map((book, level) => blend(same.books[level], book, t)) }
}

// The part of a plane that holds latents or residuals and their code vectors; it follows them gently.
function frameOf(play, which, rows, book) {
  const range = axis => {
    const own = [...rows].filter((_, at) => at % 2 === axis).sort((a, b) => a - b), edge = Math.floor(0.01 * own.length)
    const codes = [...book ?? []].filter((_, at) => at % 2 === axis)
    return [Math.min(own[edge], ...codes), Math.max(own[own.length - 1 - edge], ...codes)]
  }
  const [x, y] = [range(0), range(1)], wanted = [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2, 1.15 * Math.max(x[1] - x[0], y[1] - y[0], 0.02) / 2]
  const shown = play.views[which] ?? wanted, near = wanted.every((value, n) => Math.abs(value - shown[n]) < 0.01 * shown[2])
  const next = near || play.still ? wanted : blend(shown, wanted, 0.16)
  play.settling ||= !near
  play.views[which] = next
  return [next[2], next.slice(0, 2)]
}

function draw(play) {
  const { root, lab } = play, find = selector => root.querySelector(selector), style = getComputedStyle(find('.pg'))
  play.ink = style.color
  play.paper = style.getPropertyValue('--st-background-color').trim() || '#ffffff'
  play.dark = rgb(play.paper)[0] < 128
  play.violet = VIOLET[play.dark ? 'dark' : 'light']
  type.family = style.fontFamily
  play.settling = false
  find('.play').textContent = play.playing ? '❚❚ Pause' : '▶ Play'
  find('.at').textContent = `Step ${play.to.step.toLocaleString('en')}`
  for (const figure of root.querySelectorAll('figure')) figure.classList.toggle('focus', Boolean(play.phase) && figure.className.includes(PARTS[play.phase][0]))
  const phase = find('.phase')
  phase.hidden = !(play.speed === 'slow' && lab.trained)
  const say = play.phase === 'gradient' ? ESTIMATED[lab.estimator] : play.phase ? PARTS[play.phase][1] : 'Slow motion: a step in six parts. Press **Play** or **Next part**.'
  if (play.said !== say) phase.replaceChildren(...marked(play.said = say))
  const canvases = [...root.querySelectorAll('figure canvas')]
  if (!lab.n) {
    words(surface(canvases[0], REACH), 'Draw here: click, or drag.\nKeys: arrows and Enter.', play.ink)
    canvases.slice(1).forEach(canvas => surface(canvas))
    play.places = []
    drawCursor(play, canvases[0])
    facts(play)
    return
  }
  const now = between(play), shown = play.hover ?? play.chosen
  play.places = [lab.xy, now.z, now.after(play.level - 1)]
  planeOfPoints(play, canvases[0], now, shown)
  planeOfLatents(play, canvases[1], now, shown)
  planeOfResiduals(play, canvases[2], now, shown)
  drawCursor(play, canvases[0])
  facts(play, shown)
}

const colourOf = (play, code) => play.data.colours[code % play.data.colours.length]
const pair = (array, i) => [array[2 * i], array[2 * i + 1]]

function planeOfPoints(play, canvas, now, shown) {
  const { lab } = play, view = surface(canvas, REACH), key = `${lab.step} ${play.dark}`
  if (play.image?.key !== key || (play.image.side < 200 && !play.playing && play.t === 1)) {
    const side = play.playing || play.t < 1 ? 96 : 220
    play.image = { key, side, canvas: raster(xy => encode(lab, xy), side, view.whole, play.data.colours, play.dark) }
  }
  paint(view, play.image.canvas)
  axes(view, play.ink)
  const share = play.phase === 'decode' ? play.t : 1
  for (let i = 0; i < lab.n; i++) {
    const x = pair(lab.xy, i), out = pair(now.out, i).map((value, axis) => x[axis] + share * (value - x[axis]))
    line(view, x, out, { colour: play.ink, alpha: play.phase === 'decode' ? 0.6 : 0.3 })
    diamond(view, ...out, play.ink)
  }
  for (let i = 0; i < lab.n; i++) point(view, ...pair(lab.xy, i), colourOf(play, now.codes[0][i]), play.ink)
  if (play.phase !== 'decode') arrow(view, pair(lab.xy, shown), pair(now.out, shown), { colour: play.ink, width: 2 })
  diamond(view, ...pair(now.out, shown).map((value, axis) => lab.xy[2 * shown + axis] + share * (value - lab.xy[2 * shown + axis])), play.ink, true)
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
    if (play.phase === 'assign') line(view, pair(now.z, i), blend(pair(now.z, i), to, play.t), { colour: colourOf(play, code), width: 1.5 })
    else if (play.all) arrow(view, to, place(i), { colour: play.ink, alpha: 0.35 })
    point(view, ...place(i), encoding && play.t < 1 ? QUIET : colourOf(play, code), play.ink)
  }
  const few = lab.codes <= 16
  for (const dead of [true, false]) now.counts[0].forEach((count, k) => {
    if (count > 0 !== dead) code(view, ...pair(now.books[0], k), { number: k, colour: colourOf(play, k), ink: play.ink, paper: play.paper, dead, few })
  })
  if (!encoding) arrow(view, pair(now.books[0], now.codes[0][shown]), pair(now.z, shown), { colour: play.ink, width: 2 })
  point(view, ...place(shown), colourOf(play, now.codes[0][shown]), play.ink, { chosen: true })
  if (lab.trained && !encoding && play.phase !== 'assign') slopes(play, view, now, shown)
}

// The gradient as the decoder hands it to q, and what of it reaches z; steps go against it, so the arrows point downhill.
function slopes(play, view, now, shown) {
  const { lab } = play, { gradQ, ofRecon, ofCommit } = play.slopes?.seen === lab.seen ? play.slopes : play.slopes = { seen: lab.seen, ...gradients(lab, lab.seen) }
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
  if (lab.method === 'lsh') return lab.levels > 1 ? planeOfPlanes(play, canvas, now, shown, level) : words(surface(canvas), 'There is one level only.', play.ink)
  const rows = now.after(level - 1), book = now.books[level], codes = now.codes[level]
  const view = surface(canvas, ...frameOf(play, level, rows, book)), part = play.phase === 'residual' ? play.t : 1
  if (book) cells(view, book, k => [codes[shown] === k ? colourOf(play, now.codes[0][shown]) : play.ink, now.counts[level][k] ? (codes[shown] === k ? 0.3 : 0.05 + 0.09 * ((k * 0.618) % 1)) : 0.02], play.ink)
  axes(view, play.ink)
  const place = i => part < 0.6 ? blend(pair(level === 1 ? now.z : now.after(level - 2), i), pair(rows, i), part / 0.6) : pair(rows, i)
  for (let i = 0; i < lab.n; i++) {
    if (book && part > 0.6 && part < 1) line(view, pair(rows, i), blend(pair(rows, i), pair(book, codes[i]), (part - 0.6) / 0.4), { colour: colourOf(play, now.codes[0][i]) })
    if (book && play.all && part === 1) arrow(view, pair(book, codes[i]), pair(rows, i), { colour: play.ink, alpha: 0.35 })
    point(view, ...place(i), colourOf(play, now.codes[0][i]), play.ink)
  }
  if (book) now.counts[level].forEach((count, k) => code(view, ...pair(book, k), { number: k, colour: play.dark ? '#e9e6e1' : '#33302c', ink: play.paper, paper: play.paper, dead: !count, square: true, few: lab.codes <= 16 }))
  arrow(view, book ? pair(book, codes[shown]) : [0, 0], place(shown), { colour: play.ink, width: 2 })
  point(view, ...place(shown), colourOf(play, now.codes[0][shown]), play.ink, { chosen: true })
}

function drawCursor(play, canvas) {
  if (play.settings.points !== 'drawn' || play.root.activeElement !== canvas || !play.cursor) return
  const view = { ...surfaceOf(canvas), pen: canvas.getContext('2d') }
  point(view, ...play.cursor, play.paper, play.ink, { chosen: true })
}

function surfaceOf(canvas) {
  const [w, h] = [canvas.clientWidth, canvas.clientHeight], scale = Math.min(w, h) / 2 / REACH
  return { at: (x, y) => [w / 2 + scale * x, h / 2 - scale * y], back: (px, py) => [(px - w / 2) / scale, (h / 2 - py) / scale], scale }
}

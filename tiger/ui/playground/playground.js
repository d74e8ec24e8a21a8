// The Playground itself: playing, slow motion in parts, three planes, what is under the pointer, and drawing.

const plays = new WeakMap()
const STEP_MS = { normal: 50, single: 350, part: 1500 }
const FAST = 4 // steps in a frame
const VIOLET = { light: '#7a3fa0', dark: '#cba3e8' }

function shot(play) {
  const { lab } = play
  return { seen: lab.seen, books: lab.books.map(book => book.slice()), step: lab.step, lab }
}

// Start anew with the settings, and go on to a step: the same settings always lead to the same picture.
function start(play, steps = 0) {
  play.lab = begin(play.settings, pointsOf(play.settings))
  Object.assign(play, { edited: false, phase: null, history: [], views: [], image: null, level: 1,
                        target: steps > 0 ? steps : null })
  play.chosen = Math.min(play.chosen, Math.max(0, play.lab.n - 1))
  note(play)
  replay(play, sliceFrom(performance.now()), note)
  if (play.target !== null) play.root.querySelector('.said').textContent = `Replaying up to step ${steps.toLocaleString('en')}.`
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
  if (stage(play) !== play.stage) lookFor(play)
  return true
}

export function toggle(play) {
  play.playing = !play.playing
  if (play.playing && (finished(play.lab) || play.lab.step >= play.data.max_steps)) start(play)
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

// The parts of a step in slow motion: on which plane, what it is called, and what happens.
const PARTS = {
  encode: ['two', 'Encode', 'The encoder maps every point x to its latent z.'],
  assign: ['two', 'Level 1', 'Every latent gets the code of the nearest code vector: its cell.'],
  residual: ['three', 'Level 2', 'What level 1 leaves, r = z − e, gets the nearest code of the next codebook, shared by all cells.'],
  decode: ['one', 'Decode', 'The decoder maps the sum of the code vectors to a reconstruction x̂; the distance to x is the error.'],
  gradient: ['two', 'Gradient', 'The nearest code has no derivative. '],
  update: ['two', 'Update', 'Encoder, decoder and code vectors each take a small step against their gradient.'],
}
const ESTIMATED = {
  ste: 'So the gradient at the code vectors (q) is copied to the latent z: straight-through.',
  rotation: 'So the gradient at the code vectors (q) is rotated and scaled from q to z, and handed to the encoder.',
  none: 'Without an estimator, nothing of the error reaches the encoder.',
}

function narration({ lab, phase }) {
  if (!phase) return 'Slow motion: a step in its parts. Press **Play** or **Next part**.'
  const [, title, text] = PARTS[phase]
  return `**${partsOf(lab).indexOf(phase) + 1} ${title}.** ${text}${phase === 'gradient' ? ESTIMATED[lab.estimator] : ''}`
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
  if (play.target !== null) return replayFrame(play, now)
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

// What is on the planes between two steps.
function between(play) {
  const { from, to, t } = play, mix = name => blend(from.seen?.[name], to.seen[name], t)
  const same = from.lab === to.lab && from.seen ? from : to
  const after = level => blend(same.seen.rows[level + 1] ?? same.seen.left, to.seen.rows[level + 1] ?? to.seen.left, t)
  return { ...to.seen, z: mix('z'), out: mix('out'), q: mix('q'), after,
           books: to.books.map((book, level) => blend(same.books[level], book, t)) }
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
  find('.at').textContent = where(play)
  for (const figure of root.querySelectorAll('figure'))
    figure.classList.toggle('focus', Boolean(play.phase) && figure.classList.contains(PARTS[play.phase][0]))
  const phase = find('.phase')
  phase.hidden = !(play.speed === 'slow' && lab.trained)
  const say = narration(play)
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

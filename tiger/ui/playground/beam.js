// Beam search on a small tree of codes, level by level, beside the exact search that looks at every leaf.

export const LEVELS = 3
export const CODES = 3
const PAUSE_MS = 1300

// Probability of every prefix, one array a level: the product of what each code has after the ones before it.
export function prefixes(seed) {
  const rand = generator(seed), found = []
  for (let level = 0; level < LEVELS; level++) {
    const n = CODES ** (level + 1), row = new Float64Array(n)
    for (let parent = 0; parent < n / CODES; parent++) {
      const raw = Array.from({ length: CODES }, () => Math.exp(1.1 * gaussian(rand))), sum = raw.reduce((a, b) => a + b)
      raw.forEach((value, code) => { row[parent * CODES + code] = value / sum * (level ? found[level - 1][parent] : 1) })
    }
    found.push(row)
  }
  return found
}

// What is expanded and what is kept at every level: the ``width`` likeliest continuations of the kept prefixes.
export function beamSearch(tree, width) {
  const levels = []
  let kept = [0]
  tree.forEach((row, level) => {
    const candidates = level ? kept.flatMap(parent => Array.from({ length: CODES }, (_, code) => parent * CODES + code))
      : Array.from(row.keys())
    kept = [...candidates].sort((a, b) => row[b] - row[a] || a - b).slice(0, width)
    levels.push({ candidates, kept })
  })
  return levels
}

export function bestLeaf(tree) {
  return tree.at(-1).reduce((best, value, leaf, row) => value > row[best] ? leaf : best, 0)
}

const codesOf = leaf => Array.from({ length: LEVELS }, (_, level) => Math.floor(leaf / CODES ** (LEVELS - 1 - level)) % CODES)
const percent = value => `${(100 * value).toFixed(1)} %`

// ---------------------------------------------------------------------------------------------------- the picture

const shows = new WeakMap()

function paintTree(show) {
  const { root, tree, done } = show, style = getComputedStyle(root.querySelector('.pg')), ink = style.color
  const accent = style.getPropertyValue('--st-primary-color').trim() || '#a54c08'
  const paper = style.getPropertyValue('--st-background-color').trim() || '#ffffff'
  type.family = style.fontFamily
  const { pen, w, h } = surface(root.querySelector('.tree')), levels = beamSearch(tree, show.width), exact = bestLeaf(tree)
  const x = (level, node) => (node + 0.5) * w / CODES ** (level + 1), y = level => 18 + (level + 1) * (h - 62) / LEVELS
  const on = (level, node) => level < 0 || (level < done && levels[level].candidates.includes(node))
  const keep = (level, node) => level < 0 || levels[level].kept.includes(node)
  tree.forEach((row, level) => row.forEach((value, node) => {
    const parent = Math.floor(node / CODES), from = level ? [x(level - 1, parent), y(level - 1)] : [w / 2, 18]
    const live = on(level, node), kept = live && keep(level, node)
    pen.globalAlpha = live ? kept ? 1 : 0.55 : 0.16
    pen.strokeStyle = kept ? accent : ink
    pen.lineWidth = live ? 1 + 7 * value / (level ? tree[level - 1][parent] : 1) : 1
    pen.setLineDash(live && !kept ? [4, 3] : [])
    pen.beginPath()
    pen.moveTo(...from)
    pen.lineTo(x(level, node), y(level))
    pen.stroke()
  }))
  pen.setLineDash([])
  pen.textAlign = 'center'
  pen.textBaseline = 'middle'
  tree.forEach((row, level) => row.forEach((value, node) => {
    const live = on(level, node), kept = live && keep(level, node), radius = level === LEVELS - 1 ? Math.min(9, w / 64) : 12
    pen.globalAlpha = live ? 1 : 0.3
    pen.beginPath()
    pen.arc(x(level, node), y(level), radius, 0, 2 * Math.PI)
    pen.fillStyle = kept ? accent : paper
    pen.strokeStyle = kept ? accent : ink
    pen.lineWidth = 1.4
    pen.fill()
    pen.stroke()
    pen.fillStyle = kept ? paper : ink
    pen.font = `650 ${level === LEVELS - 1 ? 10 : 12}px ${type.family}`
    pen.fillText(node % CODES, x(level, node), y(level) + 0.5)
    if (live && level < LEVELS - 1) {
      pen.fillStyle = ink
      pen.font = `12px ${type.family}`
      pen.strokeStyle = paper // a rim, so that lines behind it leave it readable
      pen.lineWidth = 4
      const place = [percent(value), x(level, node) + (level ? 0 : 34), y(level) + (level ? 21 : 0)]
      pen.strokeText(...place)
      pen.fillText(...place)
    }
  }))
  if (done === LEVELS) for (const [leaf, text, row] of [[levels.at(-1).kept[0], 'beam', 0], [exact, 'exact', 1]]) {
    pen.globalAlpha = 1
    pen.fillStyle = ink
    pen.font = `650 12px ${type.family}`
    const centre = Math.min(w - 52, Math.max(52, x(LEVELS - 1, leaf)))
    pen.fillText(`▲ ${text} ${percent(tree.at(-1)[leaf])}`, centre, y(LEVELS - 1) + 19 + 15 * row)
  }
  pen.globalAlpha = 1
  tell(show, levels, exact)
}

function tell(show, levels, exact) {
  const { root, tree, done } = show, find = selector => root.querySelector(selector)
  find('.play').textContent = show.playing ? '❚❚ Pause' : '▶ Play'
  find('.at').textContent = `Level ${done} of ${LEVELS}`
  find('output').textContent = find('input').value = show.width
  const looked = levels.slice(0, done).reduce((sum, { candidates }) => sum + candidates.length, 0)
  let text = `${looked} prefixes scored so far.`
  if (done === LEVELS) {
    const found = levels.at(-1).kept[0]
    text = `Beam search scored ${looked} prefixes and found (${codesOf(found).join(', ')}). `
    text += found === exact ? 'That is the likeliest item.'
      : `The likeliest item is (${codesOf(exact).join(', ')}): its prefix was dropped.`
  }
  if (find('.point').textContent !== text) find('.point').textContent = text
  find('.tree').setAttribute('aria-label', `A tree of ${LEVELS} levels with ${CODES} codes each. ${text}`)
}

function proceed(show) {
  clearTimeout(show.timer)
  if (show.done < LEVELS) show.done++
  if (show.done === LEVELS) show.playing = false
  paintTree(show)
  if (show.playing) show.timer = setTimeout(() => proceed(show), PAUSE_MS)
}

function beginBeam(root, data) {
  const show = { root, tree: prefixes(data.seed), width: data.width, done: 0, playing: false }
  const find = selector => root.querySelector(selector)
  const restart = () => {
    clearTimeout(show.timer)
    Object.assign(show, { done: 0, playing: false })
    paintTree(show)
  }
  find('.play').onclick = () => {
    show.playing = !show.playing
    if (show.playing && show.done === LEVELS) show.done = 0
    if (show.playing) proceed(show)
    else pause(show)
  }
  find('.step').onclick = () => {
    show.playing = false
    proceed(show)
  }
  find('.reset').onclick = restart
  find('input').oninput = event => {
    show.width = Number(event.target.value)
    paintTree(show)
  }
  show.watch = new ResizeObserver(() => paintTree(show))
  show.watch.observe(find('.pg'))
  return show
}

function pause(show) {
  clearTimeout(show.timer)
  paintTree(show)
}

export default ({ parentElement, data }) => {
  if (!data || !parentElement.querySelector('.tree')) return
  let show = shows.get(parentElement)
  if (!show) shows.set(parentElement, show = beginBeam(parentElement, data))
  parentElement.querySelector('.bar').hidden = parentElement.querySelector('.point').hidden = !data.plays
  parentElement.querySelector('.settings').hidden = !data.controls.includes('width')
  if (data.plays && !show.begun) {
    show.begun = show.playing = true
    show.timer = setTimeout(() => proceed(show), PAUSE_MS)
  }
  paintTree(show)
  return () => {
    show.watch.disconnect()
    clearTimeout(show.timer)
    shows.delete(parentElement)
  }
}

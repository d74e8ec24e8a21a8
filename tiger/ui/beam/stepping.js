// Steps of a beam search in the browser: every level's tree is here, so that a step asks the server nothing; it is told afterwards,
// for the tables below and for pages that open next.

const LINE = 25, TOP = 34, LEFT = 12 // pixels: of a line, above the first line, beside the root
const LABEL_ROOM = 0.72 // of the tree's own width, to its right
const SIGN = 6.7 // pixels that a letter of a label takes
const TELL_MS = 450 // after the last step
const mounted = new WeakMap()

function draw(play) {
  const { root, data, at } = play, shown = data.levels[at], last = data.levels.length - 1
  root.querySelector('.back').disabled = at === 0
  root.querySelector('.forward').disabled = at === last
  root.querySelectorAll('.levels input').forEach((radio, level) => { radio.checked = level === at })
  root.querySelector('.summary').replaceChildren(...shown.summary.split('**').map((text, i) => {
    if (i % 2 === 0) return text
    const strong = document.createElement('b')
    strong.textContent = text
    return strong
  }))
  root.querySelector('.legend').replaceChildren(...Object.values(shown.marks).map(mark => {
    const line = document.createElement('li'), sign = document.createElement('b')
    sign.textContent = mark.glyph
    sign.style.color = mark.colour
    sign.setAttribute('aria-hidden', 'true')
    line.append(sign, ` ${mark.name}`)
    return line
  }))
  root.querySelector('.caption').textContent = at === 0 ? '' : `Edge width shows the code's probability. Drawn at this level: ${shown.hidden}. `
    + 'Point at a mark to follow its branch; click it to see its score term by term below.'
  drawTree(play, shown, last)
}

function drawTree(play, shown, nLevels) {
  const svg = play.root.querySelector('svg'), width = svg.clientWidth || 600, column = (width - LEFT) / (nLevels * (1 + LABEL_ROOM) + 0.12)
  const lines = Math.max(1, ...shown.nodes.map(node => node.y)) + 1, height = TOP + LINE * lines
  const place = node => [LEFT + column * (node.level + 0.06), TOP + LINE * node.y + LINE / 2]
  const by = new Map(shown.nodes.map(node => [node.key, node])), fresh = key => (play.seen?.has(key) === false ? ' fresh' : '')
  svg.setAttribute('aria-label', shown.alt)
  svg.setAttribute('height', shown.nodes.length > 1 ? height : 0)
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
  const parts = []
  for (let level = 0; level <= nLevels; level++) {
    const [x] = place({ level, y: 0 })
    parts.push(make('text', { class: 'head', x: level ? x : 0, y: 14, style: level ? '' : 'text-anchor:start' }, level ? `level ${level}` : 'history'))
  }
  for (const node of shown.nodes.filter(node => node.level)) {
    const [x, y] = place(node), [fromX, fromY] = place(by.get(node.parent)), bend = (x - fromX) / 2, look = shown.marks[node.fate]
    parts.push(make('path', { class: `edge${fresh(node.key)}`, d: `M${fromX} ${fromY}C${fromX + bend} ${fromY} ${x - bend} ${y} ${x} ${y}`,
      stroke: look.colour, 'stroke-width': node.wide, 'stroke-dasharray': DASHES[look.dash] ?? 'none', 'data-key': node.key }))
  }
  for (const node of shown.nodes) parts.push(branch(node, place(node), shown.marks, width, fresh(node.key)))
  svg.replaceChildren(...parts)
  play.seen = new Set(shown.nodes.map(node => node.key))
}

function branch(node, [x, y], marks, width, fresh) {
  if (!node.level) return make('rect', { x: x - 6, y: y - 6, width: 12, height: 12, fill: '#8C8C8C' })
  const group = make('g', { class: `branch${fresh}`, transform: `translate(${x} ${y})`, 'data-key': node.key })
  const mark = (look, r) => make('path', { d: outline(look.symbol, r), stroke: look.colour, 'stroke-width': 2,
    fill: /open|^x/.test(look.symbol) ? 'none' : look.colour })
  for (const name of node.over) group.append(mark(marks[name], 9))
  group.append(mark(marks[node.fate], 3.5 + 4.5 * Math.sqrt(node.part)))
  const gap = node.over.length ? 15 : 11
  if (node.last) {
    const room = Math.floor((width - x - gap) / SIGN) - `${node.code}`.length - node.share.length - 4
    const words = node.words || 'no item', cut = words.length > room ? `${words.slice(0, Math.max(room - 1, 3)).trimEnd()}…` : words
    group.append(make('text', { x: gap, y: 4.5 }, make('tspan', { class: 'code' }, `${node.code}`), ` \u2002${cut} \u2002${node.share}`))
  } else group.append(make('text', { class: 'short', y: node.over.length ? -13 : -8 }, `${node.code}`))
  group.append(make('circle', { r: 13, fill: 'transparent' })) // what a pointer hits
  return group
}

// The way to a branch and what is below it stand out, the rest steps back.
function follow(play, key) {
  const svg = play.root.querySelector('svg'), tip = play.root.querySelector('.tip')
  if (play.over === key) return
  play.over = key
  svg.classList.toggle('over', key !== null)
  tip.hidden = key === null
  if (key === null) return
  const on = other => `${key}-`.startsWith(`${other}-`) || `${other}-`.startsWith(`${key}-`)
  for (const part of svg.querySelectorAll('[data-key]')) part.classList.toggle('way', on(part.dataset.key))
  const node = play.data.levels[play.at].nodes.find(node => node.key === key)
  tip.textContent = `${key}\n${node.said}`
  const box = svg.querySelector(`g[data-key="${key}"]`).getBoundingClientRect(), frame = svg.getBoundingClientRect()
  const x = box.left - frame.left
  tip.style.cssText = (x < frame.width / 2 ? `left:${x + 30}px` : `right:${frame.width - x + 6}px`) + `;top:${box.top - frame.top + 22}px`
}

function go(play, at) {
  at = Math.min(Math.max(at, 0), play.data.levels.length - 1)
  if (at === play.at) return
  const focused = play.root.getRootNode().activeElement
  play.at = play.waits = at
  follow(play, null)
  draw(play)
  if (focused?.disabled) play.root.querySelector(focused.matches('.back') ? '.forward' : '.back').focus()
  keepInAddress({ at: at === play.data.usual ? null : at, pick: null })
  tellSoon(play, TELL_MS, () => play.tell('at', at))
}

function mount(parentElement, play) {
  const { root } = play, svg = root.querySelector('svg')
  root.querySelector('.back').onclick = () => go(play, play.at - 1)
  root.querySelector('.forward').onclick = () => go(play, play.at + 1)
  const keyOf = event => event.target.closest('g.branch')?.dataset.key ?? null
  svg.onpointermove = event => follow(play, keyOf(event))
  svg.onpointerleave = () => follow(play, null)
  svg.onclick = event => {
    if (keyOf(event) === null) return
    leaveUntold(play)
    play.tell('pick', { branch: keyOf(event), at: play.at })
  }
  new ResizeObserver(() => { if (svg.clientWidth !== play.width) { play.width = svg.clientWidth; draw(play) } }).observe(svg)
}

function levels(play) {
  const place = play.root.querySelector('.levels'), n = play.data.levels.length
  if (place.children.length === n) return
  place.replaceChildren(...Array.from({ length: n }, (_, level) => {
    const label = document.createElement('label'), radio = document.createElement('input'), words = document.createElement('span')
    Object.assign(radio, { type: 'radio', name: 'beam-level', onchange: () => go(play, level) })
    words.textContent = level ? `Level ${level}` : 'Start'
    label.append(radio, words)
    return label
  }))
}

export default ({ parentElement, data, setTriggerValue }) => {
  const root = parentElement.querySelector('.beam')
  if (!data || !root) return
  let play = mounted.get(root)
  const first = !play
  if (first) mounted.set(root, play = { root, at: data.at, waits: null })
  const same = !first && JSON.stringify(play.data.levels) === JSON.stringify(data.levels)
  Object.assign(play, { data, tell: setTriggerValue })
  if (play.waits === data.at) play.waits = null
  const at = Math.min(play.waits ?? data.at, data.levels.length - 1), end = () => leaveUntold(play)
  if (same && at === play.at) return end
  play.at = at
  if (!same) play.seen = null
  levels(play)
  draw(play)
  if (first) mount(parentElement, play)
  return end
}

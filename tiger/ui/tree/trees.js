// Two trees side by side in the browser: their levels, chart type, pointer and keys ask the server nothing; it is told what was chosen.

const TELL_MS = 500 // after the last change; for what stands below, and for pages that open next
const SIDES = ['own', 'other']
const mounted = new WeakMap()
const known = (window.tigerTrees ??= new Map()) // what the server sent, by its name, so that it is sent once

const treeOf = side => (side.sent.grown ??= [])[pictureOf(side)] ??= grow(side.sent.pictures[pictureOf(side)], side.sent.texts, side.sent.fullest_first)
const pictureOf = side => Math.min(side.page.level, side.sent.pictures.length) - 1
const isBelow = (node, above) => { for (; node; node = node.above) if (node === above) return true }

// ---- what is seen

function draw(side) {
  const { page, canvas, root } = side, tree = treeOf(side), picture = side.sent.pictures[pictureOf(side)]
  side.zoomed = tree.nodes.find(node => node.prefix === side.zoomed?.prefix) ?? null
  side.view = inside(tree, side.zoomed)
  root.querySelector('.finding').textContent = picture.finding
  root.querySelector('.reading').textContent = picture.reading
  root.querySelector('.up').hidden = !side.zoomed && !side.sent.below
  canvas.setAttribute('aria-label', picture.alt)
  if (!canvas.clientWidth) return
  const each = Math.min(window.devicePixelRatio || 1, 2), [width, height] = [canvas.clientWidth, canvas.clientHeight]
  Object.assign(canvas, { width: Math.round(width * each), height: Math.round(height * each) })
  place(page.drawn, side.view, width, height)
  paintIt(side)
}

function paintIt({ page, canvas, view, over }) {
  paint(canvas, view, page.drawn, page.look, over && (node => isBelow(node, over) || isBelow(over, node)))
}

function drawAll(page) {
  const slide = page.root.querySelector('.level input')
  Object.assign(slide, { max: page.data.n_levels, value: page.level })
  slide.setAttribute('aria-valuetext', `${page.level} of ${page.data.n_levels}`)
  page.root.querySelector('.level').hidden = page.data.n_levels === 1
  page.root.querySelector('.level output').textContent = `${page.level} of ${page.data.n_levels}`
  for (const radio of page.root.querySelectorAll('.kind input')) radio.checked = radio.value === page.drawn
  for (const side of page.sides) redraw(side)
}

function redraw(side, what = {}) {
  Object.assign(side, { over: null }, what)
  side.root.querySelector('.tip').hidden = true
  draw(side)
}

// The way to a branch and what is below it stand out; in the other tree nothing changes.
function follow(side, node) {
  if (side.over === node) return
  const tip = side.root.querySelector('.tip')
  side.over = node
  side.canvas.classList.toggle('hits', node !== null && !node.rest)
  tip.hidden = node === null
  if (node) {
    const [x, y] = middle(node), wide = side.canvas.clientWidth, top = side.canvas.offsetTop + Math.min(y + 14, side.canvas.clientHeight - 40)
    tip.textContent = words(node)
    tip.style.cssText = (x < wide / 2 ? `left:${x + 10}px` : `right:${wide - x + 10}px`) + `;top:${top}px`
  }
  if (side.view) paintIt(side)
}

const words = node => [`${node.prefix}: ${node.size.toLocaleString('en-US')} item${node.size === 1 ? '' : 's'}`, node.words, node.categories.replaceAll('> ', '› ')].filter(Boolean).join('\n')

// ---- what is chosen

// The address holds what is shown at once; the server learns of it when nothing has changed for a moment.
function change(page, what) {
  Object.assign(page, what, { now: null })
  drawAll(page)
  keepInAddress({ level: page.level, drawn: page.drawn === page.data.kinds[0] ? null : page.drawn })
  tellSoon(page, TELL_MS, () => page.tell('shown', { level: page.level, drawn: page.drawn }))
}

// Draw what lies below a branch; of the run's tree the server lists what it holds.
function open(side, node) {
  if (node.rest) return
  redraw(side, { zoomed: node })
  if (side.name === 'own') side.page.tell('branch', node.prefix)
}

function close(side, whole) {
  const { zoomed, name, page, sent } = side
  redraw(side, { zoomed: whole || name === 'own' ? null : zoomed?.above ?? null })
  if (name === 'own' && (zoomed || sent.below)) page.tell('branch', '')
}

// As PNG, twice as fine as on the screen, on the page's own ground.
function picture({ page, canvas, view, sent }) {
  const flat = document.createElement('canvas'), pen = flat.getContext('2d'), link = document.createElement('a')
  const { width, height } = canvas, { clientWidth, clientHeight } = canvas
  Object.assign(canvas, { width: 2 * clientWidth, height: 2 * clientHeight })
  paint(canvas, view, page.drawn, page.look, null)
  Object.assign(flat, { width: canvas.width, height: canvas.height })
  pen.fillStyle = page.look.ground
  pen.fillRect(0, 0, flat.width, flat.height)
  pen.drawImage(canvas, 0, 0)
  Object.assign(link, { href: flat.toDataURL('image/png'), download: `${sent.file}.png` })
  link.click()
  Object.assign(canvas, { width, height })
  paint(canvas, view, page.drawn, page.look, null)
}

// The branch beside the one in focus: above, below, or the next one as far from the root.
function beside(side, key) {
  const { over, view } = side, row = over && view.shown.filter(node => node.depth === over.depth).sort((a, b) => a.start - b.start)
  const shown = node => (view.shown.includes(node) ? node : null)
  if (!over) return view.tops[0] ?? null
  const found = { ArrowLeft: over.above, ArrowRight: over.below[0], ArrowUp: row[row.indexOf(over) - 1], ArrowDown: row[row.indexOf(over) + 1] }[key]
  return shown(found) ?? over
}

function listen(side) {
  const { canvas, root, page } = side, said = page.root.querySelector('.said')
  const at = event => hit(side.view, event.offsetX, event.offsetY)
  canvas.onpointermove = event => follow(side, at(event))
  canvas.onpointerleave = () => follow(side, null)
  canvas.onblur = () => follow(side, null)
  canvas.onclick = event => {
    const node = at(event)
    if (node) open(side, node)
  }
  canvas.onkeydown = event => {
    if (event.key.startsWith('Arrow')) {
      follow(side, beside(side, event.key))
      if (side.over) said.textContent = words(side.over)
    } else if ((event.key === 'Enter' || event.key === ' ') && side.over) open(side, side.over)
    else if (event.key === 'Escape' || event.key === 'Backspace') close(side, false)
    else return
    event.preventDefault()
  }
  root.querySelector('.up').onclick = () => close(side, true)
  root.querySelector('.png').onclick = () => picture(side)
  side.watch = new ResizeObserver(() => {
    const size = `${canvas.clientWidth} x ${canvas.clientHeight}`
    if (size !== side.size) draw(Object.assign(side, { size }))
  })
  side.watch.observe(canvas)
}

// ---- Streamlit's call

function mount(parent) {
  const page = { root: parent.querySelector('.trees'), untold: null }
  page.sides = SIDES.map(name => {
    const root = page.root.querySelector(`[data-side=${name}]`), canvas = root.querySelector('canvas')
    return canvas.tree = { name, page, root, canvas, zoomed: null, over: null, view: null } // on the canvas, so that it can be looked into
  })
  page.root.querySelector('.level input').oninput = event => change(page, { level: Number(event.target.value) })
  mounted.set(parent, page)
  return page
}

function kinds(page) {
  const choices = page.root.querySelector('.choices')
  if (choices.children.length) return
  choices.append(...page.data.kinds.map(name => {
    const label = document.createElement('label'), radio = document.createElement('input'), shown = document.createElement('span')
    Object.assign(radio, { type: 'radio', name: 'kind', value: name, onchange: () => change(page, { drawn: name }) })
    shown.textContent = name
    label.append(radio, shown)
    return label
  }))
}

export default ({ parentElement: parent, data, setTriggerValue }) => {
  if (!data || !parent.querySelector('.trees')) return
  for (const name of SIDES) if (data[name].tree) {
    known.delete(data[name].id)
    known.set(data[name].id, data[name].tree)
    while (known.size > 8) known.delete(known.keys().next().value)
  }
  const page = mounted.get(parent) ?? mount(parent)
  page.tell = setTriggerValue
  if (SIDES.some(name => !known.has(data[name].id))) return setTriggerValue('missing', data.own.id)
  page.data = data
  if (!page.untold) Object.assign(page, { level: data.level, drawn: data.drawn }) // what the server does not know yet stays
  for (const side of page.sides) {
    const sent = known.get(data[side.name].id)
    if (side.sent !== sent) Object.assign(side, { sent, zoomed: null })
    side.root.querySelector('h3').textContent = sent.title
  }
  kinds(page)
  page.look = { font: getComputedStyle(page.root).fontFamily, ground: getComputedStyle(page.root.querySelector('.png')).backgroundColor }
  const now = JSON.stringify([page.level, page.drawn, page.look, data.own.id, data.other.id])
  if (page.now !== now) drawAll(page)
  page.now = now
  if (!page.sides[0].watch) page.sides.forEach(listen)
  return () => {
    for (const side of page.sides) side.watch?.disconnect()
    leaveUntold(page)
    mounted.delete(parent)
  }
}

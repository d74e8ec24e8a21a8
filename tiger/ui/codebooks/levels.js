// Every level's codes in the browser, as cells and as sorted bars: another level, and another code, is drawn at once; the server is
// told afterwards, for what stands below and for pages that open next.

const ORANGE = '207, 122, 36', CHOSEN = '#1f6fa8', TELL_MS = 300
const LEFT = 46, BOTTOM = 34, TOP = 8 // pixels beside, below and above the bars
const AXIS = { type: 'linear', range: [], values: [], texts: [], names: [], step: null, form: '' }
const mounted = new WeakMap()

// The cell of each code: as many columns as rows.
function cellAt(n, width, height) {
  const side = Math.ceil(Math.sqrt(n)), rows = Math.ceil(n / side), wide = width / side, tall = height / rows
  return { box: code => [code % side * wide, Math.floor(code / side) * tall, wide, tall],
    code: (x, y) => { const code = Math.floor(y / tall) * side + Math.floor(x / wide); return x >= 0 && x < width && code < n ? code : null } }
}

function context(canvas) {
  const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) Object.assign(canvas, {
    width: Math.round(width * ratio), height: Math.round(height * ratio) })
  const paint = canvas.getContext('2d')
  paint.setTransform(ratio, 0, 0, ratio, 0, 0)
  paint.clearRect(0, 0, width, height)
  return { paint, width, height }
}

function cells(play, level) {
  const { paint, width, height } = context(play.cells), { items, full } = level
  const place = play.grid = cellAt(items.length, width, height), gap = items.length > 2000 ? 0.5 : items.length > 300 ? 1 : 2
  items.forEach((n, code) => {
    const [x, y, w, h] = place.box(code)
    paint.beginPath()
    paint.roundRect(x + gap, y + gap, Math.max(w - 2 * gap, 0.5), Math.max(h - 2 * gap, 0.5), 2)
    paint.fillStyle = `rgba(${ORANGE}, ${n ? 0.12 + 0.88 * Math.sqrt(Math.min(n / full, 1)) : 0})`
    paint.strokeStyle = 'rgba(138, 133, 128, 0.5)'
    paint.lineWidth = 1
    paint.fill()
    if (!n) paint.stroke()
  })
  const [x, y, w, h] = place.box(play.chosen)
  paint.strokeStyle = CHOSEN
  paint.lineWidth = 3
  paint.strokeRect(x + 1.5, y + 1.5, w - 3, h - 3)
}

function bars(play, level) {
  const { paint, width, height } = context(play.bars), { items, order } = level, most = Math.max(1, items[order[0]])
  const scaled = scale(AXIS, [0, most], height - BOTTOM, TOP, 46), wide = (width - LEFT) / items.length, look = getComputedStyle(play.root)
  Object.assign(paint, { font: `12px ${look.fontFamily}`, textBaseline: 'middle', textAlign: 'right', lineWidth: 1 })
  for (const [y, text] of scaled.ticks) {
    paint.fillStyle = 'rgba(128, 128, 128, .22)'
    paint.fillRect(LEFT, y, width - LEFT, 1)
    paint.fillStyle = look.color
    paint.fillText(text, LEFT - 6, y)
  }
  order.forEach((code, rank) => {
    paint.fillStyle = code === play.chosen ? CHOSEN : `rgb(${ORANGE})`
    const y = scaled.at(items[code])
    paint.fillRect(LEFT + rank * wide + (wide > 3 ? 0.05 * wide : 0), y, Math.max(wide * (wide > 3 ? 0.9 : 1), code === play.chosen ? 2 : 0), height - BOTTOM - y)
  })
  paint.fillStyle = look.color
  paint.textAlign = 'center'
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    const rank = Math.max(1, Math.floor(items.length * part))
    paint.fillText(written(rank), Math.min(LEFT + (rank - 0.5) * wide, width - 12), height - BOTTOM + 9)
  }
  paint.fillText('Codes, most used first', LEFT + (width - LEFT) / 2, height - 8)
  const even = scaled.at(items.reduce((sum, n) => sum + n, 0) / items.length)
  paint.strokeStyle = look.color
  paint.setLineDash([5, 4])
  paint.beginPath()
  paint.moveTo(LEFT, even)
  paint.lineTo(width, even)
  paint.stroke()
  paint.setLineDash([])
}

function draw(play) {
  const level = play.data.levels[play.at], all = selector => play.root.querySelectorAll(selector)
  play.chosen = play.code !== null && play.code < level.items.length ? play.code : level.order[0]
  play.root.querySelectorAll('.levels input').forEach((radio, at) => { radio.checked = at === play.at })
  all('.finding').forEach((title, at) => { title.textContent = level.findings[at] })
  all('canvas').forEach(canvas => canvas.setAttribute('aria-label', level.alt))
  play.root.querySelector('.full').textContent = written(level.full)
  play.root.querySelector('.numbers').replaceChildren(...level.numbers.map(([name, value]) => {
    const pair = document.createElement('div'), term = document.createElement('dt'), number = document.createElement('dd')
    term.textContent = name
    number.textContent = value
    if (play.data.help[name]) explained(play, term, play.data.help[name])
    pair.append(term, number)
    return pair
  }))
  cells(play, level)
  bars(play, level)
}

// What a number means, for the pointer and for the keyboard.
function explained(play, term, words) {
  const tip = play.root.querySelector('.tip')
  Object.assign(term, { tabIndex: 0, onpointerenter: tell, onfocus: tell, onpointerleave: hide, onblur: hide })
  term.setAttribute('aria-description', words)
  term.classList.add('explained')
  function hide() { tip.hidden = true }
  function tell() {
    const frame = play.root.getBoundingClientRect(), box = term.getBoundingClientRect(), x = box.left - frame.left
    Object.assign(tip, { hidden: false, textContent: words })
    tip.style.cssText = `${x < frame.width / 2 ? `left:${x}px` : `right:${frame.width - x - box.width}px`};top:${box.bottom - frame.top + 4}px;white-space:normal;max-width:18rem`
  }
}

function goTo(play, at) {
  if (at === play.at) return
  Object.assign(play, { at, waits: at })
  draw(play)
  keepInAddress({ level: at + 1 })
  tellSoon(play, TELL_MS, () => play.tell('level', at + 1))
}

// The code under the pointer.
function under(play, event) {
  const canvas = event.currentTarget, frame = canvas.getBoundingClientRect(), x = event.clientX - frame.left, y = event.clientY - frame.top
  if (canvas === play.cells) return play.grid?.code(x, y) ?? null
  const { order } = play.data.levels[play.at], rank = Math.floor((x - LEFT) / ((frame.width - LEFT) / order.length))
  return rank >= 0 && y < frame.height - BOTTOM ? order[rank] ?? null : null
}

function point(play, event, code) {
  const tip = play.root.querySelector('.tip'), { items, order } = play.data.levels[play.at]
  tip.hidden = code === null
  if (code === null) return
  const total = Math.max(1, items.reduce((sum, n) => sum + n, 0))
  tip.textContent = `code ${code}: ${written(items[code])} item${items[code] === 1 ? '' : 's'} (${written(items[code] / total, '.2%')}), rank ${written(order.indexOf(code) + 1)}`
  const frame = play.root.getBoundingClientRect(), x = event.clientX - frame.left
  tip.style.cssText = (x < frame.width / 2 ? `left:${x + 12}px` : `right:${frame.width - x + 12}px`) + `;top:${event.clientY - frame.top + 10}px`
}

function begin(parentElement) {
  const root = parentElement.querySelector('.codes'), play = { root, cells: root.querySelector('.cells'), bars: root.querySelector('.bars'), waits: null }
  mounted.set(parentElement, play)
  for (const canvas of [play.cells, play.bars]) {
    canvas.onpointermove = event => point(play, event, under(play, event))
    canvas.onpointerleave = event => point(play, event, null)
    canvas.onclick = event => {
      const code = under(play, event)
      if (code === null) return
      play.code = code
      draw(play)
      keepInAddress({ code })
      leaveUntold(play)
      play.tell('pick', { level: play.at + 1, code })
    }
  }
  new ResizeObserver(() => { if (play.data && play.width !== root.clientWidth) { play.width = root.clientWidth; draw(play) } }).observe(root)
  return play
}

export default ({ parentElement, data, setTriggerValue }) => {
  if (!data?.levels) return
  const play = mounted.get(parentElement) ?? begin(parentElement)
  play.tell = setTriggerValue
  if (play.waits === data.at) play.waits = null
  const at = Math.min(play.waits ?? data.at, data.levels.length - 1), place = play.root.querySelector('.levels')
  const look = getComputedStyle(play.root).color // the theme may have changed
  const same = play.data?.id === data.id && play.at === at && play.code === data.code && play.look === look
  Object.assign(play, { data, at, look, code: data.code })
  if (place.children.length !== data.levels.length) place.replaceChildren(...data.levels.map((_, level) => {
    const label = document.createElement('label'), radio = document.createElement('input'), words = document.createElement('span')
    Object.assign(radio, { type: 'radio', name: 'level', onchange: () => goTo(play, level) })
    words.textContent = level + 1
    label.append(radio, words)
    return label
  }))
  if (!same) draw(play)
  play.width = play.root.clientWidth
  return () => leaveUntold(play)
}

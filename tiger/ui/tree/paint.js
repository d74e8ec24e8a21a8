// Trees on a canvas: branches in their colours, with their names where there is room.

const MANY = 200 // branches: borders would hide thinner ones, so from here on there are none
const TALL = 13 // pixels that a line of text needs
const TELLING = 5 // letters of a name that say something
const FEW = 64 // branches at the top: those of an icicle have borders even where there are many below
const VEIL = 0.75 // of the ground's colour over what does not stand out
const inks = new Map()

// Black or white, whichever stands out more from a colour. Source: WCAG 2.2, relative luminance.
function ink(colour) {
  if (!inks.has(colour)) {
    const [r, g, b] = [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16) / 255).map(c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    const light = 0.2126 * r + 0.7152 * g + 0.0722 * b
    inks.set(colour, (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) ? '#000' : '#fff')
  }
  return inks.get(colour)
}

function outline(pen, { x, y, w, h, outer, inner, cx, cy, from, to }) {
  pen.beginPath()
  if (!outer) return pen.rect(x, y, w, h)
  pen.arc(cx, cy, outer, from, to)
  pen.arc(cx, cy, inner, to, from, true)
  pen.closePath()
}

function cut(pen, text, room) {
  if (pen.measureText(text).width <= room) return text
  let [few, many] = [0, text.length]
  while (few < many) {
    const half = Math.ceil((few + many) / 2)
    if (pen.measureText(`${text.slice(0, half).trimEnd()}…`).width <= room) few = half
    else many = half - 1
  }
  return few < 2 ? '' : `${text.slice(0, few).trimEnd()}…`
}

// A branch's codes, and its name where it is not cut to nothing.
function label(pen, node, room) {
  const whole = node.name ? `${node.code} ${node.name}` : node.code, text = cut(pen, whole, room)
  if (text === whole || text.length > node.code.length + TELLING) return text
  return pen.measureText(node.code).width <= room ? node.code : ''
}

function write(pen, node, kind) {
  const { box } = node
  pen.fillStyle = ink(node.colour)
  if (box.outer) {
    const thick = (box.to - box.from) * (box.inner + box.outer) / 2, text = thick < TALL ? '' : label(pen, node, box.outer - box.inner - 8)
    if (!text) return
    const angle = (box.from + box.to) / 2, flip = angle > Math.PI / 2
    pen.save()
    pen.translate(box.cx, box.cy)
    pen.rotate(flip ? angle + Math.PI : angle)
    pen.textAlign = 'center'
    pen.fillText(text, (flip ? -1 : 1) * (box.inner + box.outer) / 2, 0)
    pen.restore()
    return
  }
  const head = kind === 'Treemap' && node.below.length // its name stands above what is inside
  const inner = node.below[0]?.box
  if (box.h < TALL || (head && inner && inner.y - box.y < TALL)) return
  const text = label(pen, node, box.w - 10)
  if (text) pen.fillText(text, box.x + 5, head ? box.y + 8.5 : box.y + box.h / 2)
}

// Draw what ``view`` shows. ``on`` says of a branch whether it stands out; null where all do.
export function paint(canvas, view, kind, { font, ground }, on) {
  const pen = canvas.getContext('2d'), each = canvas.width / canvas.clientWidth
  pen.setTransform(each, 0, 0, each, 0, 0)
  pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight)
  Object.assign(pen, { font: `12px ${font}`, textBaseline: 'middle', textAlign: 'start', lineWidth: 1, strokeStyle: ground, globalAlpha: 1 })
  const bordered = view.shown.length <= MANY
  for (const node of view.shown) {
    outline(pen, node.box)
    pen.fillStyle = node.colour
    pen.fill()
    if (bordered || (kind === 'Icicle' && node.depth === view.first && view.tops.length <= FEW)) pen.stroke()
    write(pen, node, kind)
  }
  if (!on) return
  pen.fillStyle = ground // a veil over all others; in a treemap it covers what is inside, too
  pen.globalAlpha = VEIL
  for (const node of view.shown) {
    if (on(node) || (kind === 'Treemap' && node.depth > view.first && !on(node.above))) continue
    outline(pen, node.box)
    pen.fill()
  }
  pen.globalAlpha = 1
}

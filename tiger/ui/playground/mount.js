// Where the Playground meets the page: pointer and keys on the planes, drawing, and Streamlit's call.

// Where the pointer is on a plane, and how many pixels its unit has.
function positionOf(canvas, event, [x, y, reach]) {
  const box = canvas.getBoundingClientRect(), scale = Math.min(box.width, box.height) / 2 / reach
  return [(event.clientX - box.left - box.width / 2) / scale + x, (box.top + box.height / 2 - event.clientY) / scale + y, scale]
}

function under(play, canvas, which, event) {
  const view = !which ? play.views.points : play.lab.method !== 'lsh' ? play.views[which === 1 ? 0 : play.level] : undefined
  const [x, y, scale] = positionOf(canvas, event, view ?? [0, 0, REACH]), places = play.places?.[which]
  let best = null, least = 16 / scale
  for (let i = 0; places && i < play.lab.n; i++) {
    const distance = Math.hypot(places[2 * i] - x, places[2 * i + 1] - y)
    if (distance < least) [best, least] = [i, distance]
  }
  return best
}

function add(play, x, y) {
  if (unpack(play.settings.drawn).length >= 2 * MAX_DRAWN || Math.max(Math.abs(x), Math.abs(y)) > REACH) return
  play.playing = false
  change(play, 'drawn', play.settings.drawn + pack([x, y]))
}

function listen(play, canvas, which) {
  const drawing = () => which === 0 && play.settings.points === 'drawn'
  let last = null
  const trace = event => {
    const [x, y, scale] = positionOf(canvas, event, [0, 0, REACH])
    if (last && Math.hypot(x - last[0], y - last[1]) * scale < 9) return
    last = [x, y]
    add(play, x, y)
  }
  canvas.onpointerdown = event => {
    if (drawing()) {
      canvas.setPointerCapture(event.pointerId)
      last = null
      trace(event)
    } else play.chosen = under(play, canvas, which, event) ?? play.chosen
    remember(play)
    wake(play)
  }
  canvas.onpointermove = event => {
    if (drawing() && event.buttons) return trace(event)
    const found = under(play, canvas, which, event)
    if (found !== play.hover) {
      play.hover = found
      wake(play)
    }
  }
  canvas.onpointerleave = () => {
    play.hover = null
    wake(play)
  }
  canvas.onkeydown = event => {
    const turn = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key]
    if (drawing()) {
      play.cursor ??= [0, 0]
      if (turn) play.cursor = play.cursor.map((value, axis) => Math.min(REACH, Math.max(-REACH, value + 0.06 * turn[axis])))
      else if (event.key === 'Enter' || event.key === ' ') add(play, ...play.cursor)
      else return
    } else if (turn && play.lab.n) {
      play.hover = null
      play.chosen = (play.chosen + (turn[0] || -turn[1]) + play.lab.n) % play.lab.n
      remember(play)
    } else return
    event.preventDefault()
    wake(play)
  }
  canvas.onfocus = canvas.onblur = () => wake(play)
}

function mount(root, data) {
  const play = { root, data, hover: null, views: [], still: matchMedia('(prefers-reduced-motion: reduce)').matches, t: 1 }
  const { scenario, settings, speed, chosen, step } = opening(play)
  Object.assign(play, { scenario, settings, speed, chosen })
  buildControls(play)
  root.querySelectorAll('figure canvas').forEach((canvas, which) => listen(play, canvas, which))
  play.ink = getComputedStyle(root.querySelector('.pg')).color
  start(play, step)
  play.edited = writeTurns(play.settings.turns) !== (scenarioOf(play)?.turns ?? '')
  keep(play)
  play.watch = new ResizeObserver(() => {
    thumbnails(play)
    wake(play)
  })
  play.watch.observe(root.querySelector('.pg'))
  return play
}

export default ({ parentElement, data }) => {
  if (!data || !parentElement.querySelector('.pg')) return
  let play = plays.get(parentElement)
  if (play && play.data.lesson?.key !== data.lesson?.key) {
    play.watch.disconnect()
    play = null
  }
  if (!play) plays.set(parentElement, play = mount(parentElement, data))
  play.data = data
  fitLesson(play)
  wake(play) // the theme may have changed
  return () => {
    keep(play, last?.address)
    play.watch.disconnect()
    clearTimeout(play.waiting)
    cancelAnimationFrame(play.request)
    plays.delete(parentElement)
  }
}

// The moving picture of a training: cells that light up and go dark, and latents among travelling code vectors.
// Frames come in parts, by number; between two of them the picture is interpolated, so it moves at the screen's own rate
// however seldom the server sends. Playing, scrubbing and replaying ask the server nothing.

const films = new WeakMap()
const ACCENT = [207, 122, 36]

function decode(text, kind) {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0))
  return new kind(bytes.buffer)
}

function take(film, data) {
  if (film.id !== data.id) Object.assign(film, { id: data.id, frames: [], at: 0, follow: data.live, playing: data.live, reach: 0 })
  const { n_items: n, sizes, first, unit } = data, all = sizes.reduce((sum, size) => sum + size, 0), k = sizes[0]
  const step = decode(data.step, Int32Array), count = decode(data.count, Uint16Array)
  const place = decode(data.place, Int16Array), code = decode(data.code, Uint16Array), book = decode(data.book, Int16Array)
  for (let f = 0; f < step.length; f++) {
    const frame = { step: step[f], count: count.subarray(f * all, (f + 1) * all), code: code.subarray(f * n, (f + 1) * n),
                    place: Float32Array.from(place.subarray(f * n * 2, (f + 1) * n * 2), value => value * unit),
                    book: Float32Array.from(book.subarray(f * k * 2, (f + 1) * k * 2), value => value * unit) }
    film.frames[first + f] = frame
    const far = Array.from({ length: n }, (_, i) => Math.hypot(frame.place[2 * i], frame.place[2 * i + 1])).sort((a, b) => a - b)
    film.reach = Math.max(film.reach, 1.12 * far[Math.floor(0.97 * (n - 1))])
  }
  film.ended = film.live && !data.live
  Object.assign(film, { sizes, n, live: data.live, n_steps: data.n_steps, marks: data.marks, colours: data.colours })
  film.number = []  // frames that arrived, in order; one that was lost on the way is passed over
  film.frames.forEach((_, number) => film.number.push(number))
  if (!film.shown || (!data.live && !film.playing && !film.touched)) film.at = Math.max(0, film.number.length - 1)
  film.shown = true
}

function between(film) {
  const last = film.number.length - 1, at = Math.min(film.at, last), low = Math.floor(at), share = at - low
  const from = film.frames[film.number[low]], to = film.frames[film.number[Math.min(low + 1, last)]]
  return { from, to, share, mix: (name, i) => from[name][i] + share * (to[name][i] - from[name][i]) }
}

function canvas(film, name) {
  const found = film.root.querySelector(name), box = found.getBoundingClientRect(), ratio = window.devicePixelRatio || 1
  const [wide, high] = [Math.round(box.width * ratio), Math.round(box.height * ratio)]
  if (found.width !== wide || found.height !== high) Object.assign(found, { width: wide, height: high })
  const pen = found.getContext('2d')
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  pen.clearRect(0, 0, box.width, box.height)
  return { pen, wide: box.width, high: box.height }
}

function cells(film, now, ink) {
  const { pen, wide, high } = canvas(film, '.cells'), sizes = film.sizes
  const side = Math.max(...sizes.map(size => Math.ceil(Math.sqrt(size)))), head = 17, gap = 10
  let best = { cell: 0 }
  for (let columns = 1; columns <= sizes.length; columns++) {
    const rows = Math.ceil(sizes.length / columns)
    const cell = Math.min((wide - gap * (columns - 1)) / columns, (high - (head + gap / 2) * rows) / rows) / side
    if (cell > best.cell) best = { cell, columns }
  }
  pen.font = `11px ${getComputedStyle(pen.canvas).fontFamily}`
  pen.textBaseline = 'alphabetic'
  let start = 0
  sizes.forEach((size, level) => {
    const own = Math.ceil(Math.sqrt(size)), column = level % best.columns, row = Math.floor(level / best.columns)
    const left = column * (best.cell * side + gap), top = row * (best.cell * side + head + gap / 2) + head
    let sum = 0, used = 0
    for (let code = 0; code < size; code++) {
      sum += now.mix('count', start + code)
      used += now.from.count[start + code] > 0
    }
    pen.globalAlpha = 1
    pen.fillStyle = ink
    pen.fillText(best.cell * side > 104 ? `Level ${level + 1}: ${used} of ${size}` : `${level + 1}: ${used}/${size}`, left, top - 5)
    for (let code = 0; code < size; code++) {
      const share = now.mix('count', start + code) / Math.max(sum, 1) * size, pad = best.cell > 5 ? 1 : 0.4
      const x = left + code % own * best.cell + pad, y = top + Math.floor(code / own) * best.cell + pad, edge = best.cell - 2 * pad
      if (share > 0) {
        pen.globalAlpha = 0.15 + 0.85 * Math.min(1, Math.sqrt(share / 2))
        pen.fillStyle = level === 0 && film.colours.length ? film.colours[code] : `rgb(${ACCENT})`
        pen.fillRect(x, y, edge, edge)
      } else {
        pen.globalAlpha = 0.25
        pen.strokeStyle = ink
        pen.lineWidth = 1
        pen.strokeRect(x + 0.5, y + 0.5, edge - 1, edge - 1)
      }
    }
    start += size
  })
  pen.globalAlpha = 1
}

function plane(film, now, ink) {
  const { pen, wide, high } = canvas(film, '.plane'), scale = Math.min(wide, high) / 2 / (film.reach || 1)
  const at = (name, i) => [Math.min(wide - 7, Math.max(7, wide / 2 + scale * now.mix(name, 2 * i))),
                           Math.min(high - 7, Math.max(7, high / 2 - scale * now.mix(name, 2 * i + 1)))]
  const dot = (x, y, radius) => { pen.beginPath(); pen.arc(x, y, radius, 0, 2 * Math.PI) }
  pen.globalAlpha = 0.55
  for (let i = 0; i < film.n; i++) {
    pen.fillStyle = film.colours[now.from.code[i]] ?? `rgb(${ACCENT})`
    dot(...at('place', i), 2.4)
    pen.fill()
  }
  const large = film.sizes[0] > 64 ? 3 : 6
  for (const alive of [false, true]) for (let code = 0; code < film.sizes[0]; code++) {
    if (now.from.count[code] > 0 !== alive) continue
    dot(...at('book', code), alive ? large : large * 0.8)
    pen.globalAlpha = alive ? 1 : 0.55
    pen.lineWidth = alive ? 1.5 : 1
    pen.strokeStyle = alive ? ink : '#8d8a85'
    pen.fillStyle = alive ? film.colours[code] ?? `rgb(${ACCENT})` : '#8d8a8566'
    pen.fill()
    pen.stroke()
  }
  pen.globalAlpha = 1
}

function draw(film) {
  if (!film.number?.length) return
  const now = between(film), ink = getComputedStyle(film.root.querySelector('.film')).color, last = film.number.length - 1
  cells(film, now, ink)
  plane(film, now, ink)
  const slider = film.root.querySelector('input'), play = film.root.querySelector('button')
  slider.max = last
  slider.value = film.at
  play.textContent = film.playing ? '❚❚' : '▶'
  play.setAttribute('aria-label', film.playing ? 'Pause the picture' : 'Replay')
  const step = now.from.step, mark = film.marks.filter(([since]) => since <= step).map(([, text]) => text)
  const uses = film.sizes.map((size, level) => {
    const start = film.sizes.slice(0, level).reduce((sum, one) => sum + one, 0)
    return now.from.count.subarray(start, start + size).filter(count => count > 0).length
  })
  film.root.querySelector('.step').textContent = `step ${step.toLocaleString('en')}` + (mark.length ? ` · ${mark.join(', ')}` : '')
  const words = `Step ${step}: codes in use by level: ${uses.join(', ')} of ${film.sizes.join(', ')}.`
  film.root.querySelector('.cells').setAttribute('aria-label', `Every code as a cell. ${words}`)
  film.root.querySelector('.plane').setAttribute('aria-label', `Latents and code vectors of level 1 on a plane. ${words}`)
}

function run(film) {
  if (film.request) return
  let before = null
  const tick = time => {
    film.request = null
    if (!film.root.isConnected && !film.root.host?.isConnected) return
    const last = film.number.length - 1, seconds = before === null ? 0 : Math.min(0.1, (time - before) / 1000)
    before = time
    if (film.playing) {
      // live: what has arrived is spread over the second until more arrives; replay: the whole film in about eight seconds
      const speed = film.live && film.follow ? Math.max(2, (last - film.at) / 0.9) : Math.max(6, film.number.length / 8)
      film.at = Math.min(last, film.at + (film.still ? 1e9 : speed * seconds))
      if (film.at >= last && !film.live) film.playing = false
    }
    draw(film)
    if (film.playing && film.at < last) film.request = requestAnimationFrame(tick)
  }
  film.request = requestAnimationFrame(tick)
}

function begin(root) {
  const film = { root, number: [], frames: [], still: matchMedia('(prefers-reduced-motion: reduce)').matches }
  root.querySelector('button').onclick = () => {
    film.touched = true
    if (!film.playing && film.at >= film.number.length - 1) film.at = 0
    film.playing = !film.playing
    film.follow = film.playing && film.live
    run(film)
  }
  root.querySelector('input').oninput = event => {
    Object.assign(film, { at: Number(event.target.value), playing: false, follow: false, touched: true })
    run(film)
  }
  film.watch = new ResizeObserver(() => run(film))
  film.watch.observe(root.querySelector('.film'))
  return film
}

export default ({ parentElement, data }) => {
  if (!data || !parentElement.querySelector('.film')) return
  let film = films.get(parentElement)
  if (!film) films.set(parentElement, film = begin(parentElement))
  take(film, data)
  if (film.live && film.follow) film.playing = true
  run(film)
  return () => {
    film.watch.disconnect()
    cancelAnimationFrame(film.request)
    films.delete(parentElement)
  }
}

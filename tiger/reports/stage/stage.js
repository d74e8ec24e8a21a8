// The stage: one scene, stepped through in the browser; a story is a sequence of them. ``openStage`` is the same in the app,
// where ``hooks`` reach the server, and in an offline file, where there are none.

const TOOLS = [['people', 'P', 'People'], ['things', 'A', 'Add'], ['undo', 'Z', 'Undo'], ['lists', 'L', 'Compare'], ['keep', 'K', 'Keep'],
  ['stories', 'S', 'Stories']]
const CHIP = 5.6 // units that a thing of the history takes

function openStage(root, data, hooks = {}) {
  const play = { root, data, hooks, at: 0, past: [], cards: new Map(), box: {}, frame: 0, u: 10 }
  build(play)
  play.watch = new ResizeObserver(() => fit(play))
  play.watch.observe(root)
  play.onKey = event => key(play, event)
  window.addEventListener('keydown', play.onKey, true)
  take(play, data, true)
  return play
}

function closeStage(play) {
  play.watch.disconnect()
  window.removeEventListener('keydown', play.onKey, true)
  clearTimeout(play.typing)
  clearTimeout(play.saying)
  clearTimeout(play.later)
}

function build(play) {
  const { root, box, hooks } = play, part = (name, tag = 'div', more = {}) => box[name] = make(tag, { class: name, ...more })
  const button = (name, label, act, more = {}) => make('button', { type: 'button', class: name, onclick: act, ...more }, label)
  const tools = hooks.ask ? TOOLS : TOOLS.filter(([name]) => name === 'lists')
  root.tabIndex = -1
  root.setAttribute('role', 'region')
  root.setAttribute('aria-label', 'Presentation')
  root.replaceChildren(
    make('header', {}, part('who'), part('tools', 'nav', { 'aria-label': 'Tools' })),
    part('said', 'p', { 'aria-live': 'polite' }),
    make('div', { class: 'hall' }, box.body = make('div', { class: 'body' },
      part('left'), box.middle = make('div', { class: 'middle' }, part('tree'), part('beside')), part('right'))),
    make('footer', {}, box.back = button('back', '◀ Back', () => go(play, -1), { 'data-focus': 'turn:back' }), part('dots', 'div'), part('legend', 'div'),
      box.next = button('next', 'Next ▶', () => go(play, 1), { 'data-focus': 'turn:next' })),
    part('drawer', 'aside', { hidden: true }), part('word', 'p', { role: 'status', hidden: true }))
  box.body.insertAdjacentHTML('afterbegin', '<svg class="lines" aria-hidden="true"></svg>')
  box.lines = box.body.querySelector('.lines')
  for (const [name, letter, label] of tools) {
    box[name] = button(`tool ${name}`, label, () => act(play, name), { title: `${label} (${letter})`, 'data-focus': `tool:${name}` })
    box[name].append(make('kbd', {}, letter))
    box.tools.append(box[name])
  }
  if (hooks.ask) {
    box.tools.append(box.stop = button('tool stop', 'End story', () => hooks.ask({ do: 'stop' }), { 'data-focus': 'tool:stop' }),
      box.full = button('tool full', '', () => fill(play, !play.full), { 'data-focus': 'tool:full' }))
  }
  box.legend.innerHTML = '<span class="running">still in the running</span><span class="aside">set aside</span>' +
    '<span class="target">really chosen next</span>'
}

function act(play, name) {
  if (name === 'undo') undo(play)
  else if (name === 'lists') compare(play)
  else if (name === 'keep') keep(play, false)
  else openDrawer(play, name)
}

// New data: from the server, or of a story.
function take(play, data, first = false) {
  const playing = data.playing, story = playing?.id !== play.data.playing?.id || first
  if (data.dataset !== play.data.dataset) Object.assign(play, { past: [], beside: false, cause: null }) // another dataset's items
  play.data = data
  play.icons = data.icons
  if (play.pending && data.heard >= play.pending.number) play.pending = null
  play.waiting = Boolean(play.pending)
  if (playing) {
    if (story) showFrame(play, 0)
    else showFrame(play, play.frame)
  } else {
    if (first || story) play.at = data.at ?? 0
    if (play.scene?.key !== data.scene.key) play.cause = null
    setScene(play, data.scene)
    if (first || (play.wantsWhy && data.heard >= play.wantsWhy)) {
      play.cause = data.cause
      play.wantsWhy = null
    }
    if (play.wantsSuggestions) play.at = Math.min(data.scene.n_levels + 1, data.scene.steps.length - 1)
    play.wantsSuggestions = false
    play.was = data.was
    if (play.beside && !play.scene.beside) {
      if (play.scene.suggestions.length) askFor(play, { do: 'beside' })
      else play.beside = false // beside nothing there is nothing to compare with
    }
  }
  drawAll(play)
  drawDrawer(play)
  if (data.word) say(play, data.word)
}

function setScene(play, scene) {
  play.scene = scene
  play.at = Math.min(play.at, scene.steps.length - 1)
}

function showFrame(play, number) {
  const { frames, scenes } = play.data.playing
  play.frame = Math.max(0, Math.min(number, frames.length - 1))
  const frame = frames[play.frame]
  setScene(play, scenes[frame.scene])
  play.at = Math.min(frame.at, play.scene.steps.length - 1)
  play.beside = frame.beside && Boolean(play.scene.beside)
  play.cause = frame.why
  play.note = frame.note
}

function go(play, by) {
  if (play.data.playing) showFrame(play, play.frame + by)
  else {
    play.at = Math.max(0, Math.min(play.at + by, play.scene.steps.length - 1))
    play.cause = null
    play.beside = play.beside && play.at > play.scene.n_levels
    play.hooks.step?.(play.at)
  }
  drawAll(play)
}

const askFor = (play, what) => {
  play.waiting = true
  play.root.classList.add('waiting')
  return play.hooks.ask(what)
}

function show(play, user, items, was) {
  play.past = []
  play.beside = false
  play.at = was ? play.at : 0
  play.pending = { user, items, number: askFor(play, { do: 'show', user, items, was }) }
}

// The history as it will be once the server has answered all that was asked.
const historyOf = play => play.pending?.items ?? play.scene.history

// Change the history: the server answers with the new suggestions, which are shown at once.
function change(play, items, isUndo = false) {
  if (!play.hooks.ask || play.data.playing) return
  const user = play.pending ? play.pending.user : play.data.user, had = historyOf(play)
  if (!isUndo) play.past.push(had)
  play.wantsSuggestions = true
  play.cause = null
  play.pending = { user, items, number: askFor(play, { do: 'show', user, items, was: had.length ? had : null }) }
}

function undo(play) {
  if (play.past.length && !play.pending) change(play, play.past.pop(), true)
}

// Other recommenders' lists beside the suggestions, in the tree's place.
function compare(play) {
  if (play.at <= play.scene.n_levels) play.at = Math.min(play.scene.n_levels + 1, play.scene.steps.length - 1)
  if (play.scene.beside) play.beside = !play.beside
  else if (play.hooks.ask && !play.data.playing && play.scene.suggestions.length) {
    play.beside = true
    askFor(play, { do: 'beside' })
  }
  drawAll(play)
}

function explain(play, item) {
  if (play.cause === item) play.cause = null
  else if (play.scene.causes.some(cause => cause.item === item)) play.cause = item
  else if (play.hooks.ask && !play.data.playing) return (play.wantsWhy = askFor(play, { do: 'why', item }))
  drawAll(play)
}

function say(play, text) {
  clearTimeout(play.saying)
  play.box.word.textContent = text
  play.box.word.hidden = false
  play.saying = setTimeout(() => play.box.word.hidden = true, 4500)
}

// Fill the window, above everything of the page; the browser's own full screen comes on top of it with F.
function fill(play, full) {
  const { root } = play, was = held(play)
  play.full = full
  root.classList.toggle('full', full)
  if (full && !root.matches(':popover-open')) {
    root.setAttribute('popover', 'manual')
    root.showPopover()
    if (!was?.byKey) root.focus()
  } else if (!full) {
    if (root.matches(':popover-open')) root.hidePopover()
    root.removeAttribute('popover')
    if (document.fullscreenElement) document.exitFullscreen()
  }
  play.hooks.filled?.(full)
  play.box.full?.replaceChildren(full ? 'Leave' : 'Fill the window', make('kbd', {}, full ? 'Esc' : 'F'))
  fit(play)
  restore(play, was)
}

async function wholeScreen(play) {
  try {
    if (document.fullscreenElement) await document.exitFullscreen()
    else await document.documentElement.requestFullscreen()
  } catch { /* a browser that forbids it leaves the window filled */ }
  if (play.full && play.hooks.ask) { // the page came above the stage
    const was = held(play)
    play.root.hidePopover()
    play.root.showPopover()
    if (!was?.byKey) play.root.focus()
    restore(play, was)
  }
}

function key(play, event) {
  const path = event.composedPath(), here = path.includes(play.root), target = path[0]
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || (!here && !play.full && play.hooks.ask)) return
  const typing = target instanceof HTMLInputElement
  const letters = { p: 'people', a: 'things', z: 'undo', l: 'lists', k: 'keep', s: 'stories' }
  let done = true
  if (event.key === 'Escape') {
    if (play.drawer) openDrawer(play, play.drawer)
    else if (play.hooks.ask) fill(play, false)
  } else if (typing) done = false
  else if (event.altKey) done = moveByKey(play, target, event.key)
  else if (['ArrowRight', 'PageDown'].includes(event.key) || (event.key === ' ' && target.tagName !== 'BUTTON')) go(play, 1)
  else if (['ArrowLeft', 'PageUp'].includes(event.key)) go(play, -1)
  else if (event.key === 'Home') go(play, -1000)
  else if (event.key === 'End') go(play, 1000)
  else if (event.key.toLowerCase() === 'f') {
    if (play.full || !play.hooks.ask) wholeScreen(play)
    else fill(play, true)
  } else if (play.box[letters[event.key.toLowerCase()]]) act(play, letters[event.key.toLowerCase()])
  else done = false
  if (done) {
    event.preventDefault()
    event.stopImmediatePropagation()
  } else if (typing) event.stopPropagation() // the page's own keys are for the page
}

// How large a unit is: a hundred-and-twenty-eighth of the width or a seventy-second of the height, so that all fits.
function fit(play) {
  const { root } = play, { clientWidth, clientHeight } = root
  if (!clientWidth || !play.scene) return
  play.narrow = clientWidth < 640
  root.classList.toggle('narrow', play.narrow)
  const u = play.narrow ? clientWidth / 44 : Math.min(clientWidth / 128, clientHeight / 72)
  play.u = Math.max(5, u)
  root.style.setProperty('--u', `${play.u}px`)
  keepFocus(play, () => drawHistory(play))
  requestAnimationFrame(() => drawLines(play))
}

const drawAll = play => keepFocus(play, () => draw(play))

function draw(play) {
  const { box, scene, data, at } = play, playing = data.playing
  play.truth = scene.target !== null && at === scene.steps.length - 1 && scene.steps.length > scene.n_levels + 1
  play.root.classList.toggle('waiting', play.waiting)
  box.who.replaceChildren(make('b', {}, scene.person), scene.likes && make('span', {}, `likes ${scene.likes}`))
  drawSaid(play)
  if (play.drawn !== scene) {
    buildTree(play)
    play.drawn = scene
  }
  stepTree(play)
  box.middle.classList.toggle('compared', Boolean(play.beside && scene.beside))
  if (play.beside && scene.beside) drawBeside(play)
  drawHistory(play)
  drawCards(play)
  const steps = playing ? playing.frames.map((_, number) => `View ${number + 1}`) : scene.steps, now = playing ? play.frame : at
  box.dots.replaceChildren(...steps.map((name, number) => make('button', { type: 'button', class: number === now ? 'now' : number < now ? 'done' : '',
    title: name, 'aria-label': name, 'data-focus': `dot:${number}`, 'aria-current': number === now ? 'step' : null, onclick: () => go(play, number - now) },
  steps.length <= 8 && !playing ? name : '')))
  box.back.disabled = now === 0
  box.next.disabled = now === steps.length - 1
  box.legend.classList.toggle('told', play.truth)
  if (box.undo) box.undo.disabled = !play.past.length || Boolean(playing)
  if (box.stop) box.stop.hidden = !playing
  for (const name of ['people', 'things', 'undo', 'keep']) if (box[name]) box[name].hidden = Boolean(playing)
  if (box.lists) {
    box.lists.hidden = playing ? !scene.beside : !scene.suggestions.length
    box.lists.setAttribute('aria-pressed', Boolean(play.beside))
  }
  requestAnimationFrame(() => drawLines(play))
  clearTimeout(play.later)
  play.later = setTimeout(() => { // once the cards have moved
    drawLines(play)
    keepFocus(play, () => sortCards(play))
  }, 420)
}

function drawSaid(play) {
  const { scene, at, box } = play, cause = scene.causes.find(cause => cause.item === play.cause)
  const text = cause ? cause.said : scene.change && at === scene.n_levels + 1 ? scene.change.said : scene.said[at]
  box.said.replaceChildren(text, play.data.playing && play.note ? make('em', {}, play.note) : '')
}

function drawHistory(play) {
  const { scene, box, icons, hooks } = play, cause = scene.causes.find(cause => cause.item === play.cause)
  const may = hooks.ask && !play.data.playing
  const room = play.narrow ? 6 : Math.max(3, Math.floor((box.left.clientHeight / play.u - 5) / CHIP))
  const first = scene.history.length > room ? scene.history.length - room + 1 : 0
  const chips = scene.history.slice(first).map((item, place) => chip(play, item, first + place, may, cause))
  box.left.replaceChildren(make('h2', {}, 'What they have'), first ? make('p', { class: 'earlier' }, `and ${first} earlier`) : '',
    make('ol', {}, ...chips),
    may && !scene.history.length ? make('button', { type: 'button', class: 'wide', 'data-focus': 'add', onclick: () => openDrawer(play, 'things') }, 'Add the first thing') : '')
}

function chip(play, item, place, may, cause) {
  const { scene, icons } = play, thing = scene.things[item], rest = [...scene.history]
  const id = `${item}:${scene.history.slice(0, place).filter(one => one === item).length}` // an item may be there more than once
  const node = make('li', { class: 'chip', 'data-place': place, 'data-focus': `chip:${id}`, draggable: may ? 'true' : null, tabindex: may ? 0 : null, title: thing.title },
    pictureOf(thing.look, icons), make('span', { class: 'title' }, thing.title),
    may && make('button', { type: 'button', class: 'drop', 'data-focus': `drop:${id}`, 'aria-label': `Take away ${thing.title}`, onclick: () => {
      rest.splice(place, 1)
      if (!play.pending) change(play, rest)
    } }, '×'))
  node.classList.toggle('unread', place < scene.unread)
  node.classList.toggle('cause', cause?.at === place)
  if (!may) return node
  node.ondragstart = event => {
    play.dragged = place
    event.dataTransfer.effectAllowed = 'move'
    event.dataTransfer.setData('text/plain', thing.title)
  }
  node.ondragover = event => {
    event.preventDefault()
    node.classList.add('over')
  }
  node.ondragleave = () => node.classList.remove('over')
  node.ondrop = event => {
    event.preventDefault()
    node.classList.remove('over')
    move(play, play.dragged, place)
  }
  return node
}

function move(play, from, to) {
  const items = [...play.scene.history]
  if (play.pending || from === undefined || from === to || to < 0 || to >= items.length) return
  items.splice(to, 0, ...items.splice(from, 1))
  change(play, items)
}

function moveByKey(play, target, pressed) {
  const place = Number(target.dataset?.place ?? NaN), by = { ArrowUp: -1, ArrowDown: 1 }[pressed]
  if (Number.isNaN(place) || !by) return false
  move(play, place, place + by)
  return true
}

// Tab goes through the cards as the eye does. While they move they keep their place in the document, or they would jump.
function sortCards({ scene, cards }) {
  const inOrder = scene.suggestions.map(one => cards.get(one.item)).filter(Boolean)
  inOrder.forEach((card, place) => {
    const there = card.parentNode.children[place]
    if (there === card) return
    card.style.animation = 'none' // it came in long ago
    card.parentNode.insertBefore(card, there)
  })
}

// The suggestions: empty places until they are known; a card moves to its new place, enters, or leaves.
function drawCards(play) {
  const { scene, box, at, icons } = play, known = at > scene.n_levels, places = 5
  if (!box.right.firstChild) box.right.append(make('h2', {}, 'Suggested'), make('div', { class: 'places' }), make('p', { class: 'gone' }))
  const [, area, gone] = box.right.children, wanted = new Set(known ? scene.suggestions.map(one => one.item) : [])
  for (const [item, card] of play.cards) if (!wanted.has(item)) {
    card.remove()
    play.cards.delete(item)
  }
  const moves = new Map((scene.change?.moves ?? []).map(one => [one.item, one]))
  area.classList.toggle('known', known)
  scene.suggestions.forEach((one, place) => {
    if (!known) return
    const thing = scene.things[one.item], moved = moves.get(one.item)
    let card = play.cards.get(one.item)
    if (!card) {
      card = make('button', { type: 'button', class: 'card', 'data-focus': `card:${one.item}` })
      area.append(card)
      play.cards.set(one.item, card)
    }
    const badge = play.truth && one.target ? '✓ really chosen next' : !moved || play.truth ? '' : moved.before === null ? 'new'
      : moved.before > moved.now ? `▲ from ${moved.before}` : moved.before < moved.now ? `▼ from ${moved.before}` : ''
    card.onclick = () => explain(play, one.item)
    card.style.top = play.narrow ? '' : `${100 * place / places}%`
    card.style.order = place
    card.className = `card${play.truth && one.target ? ' hit' : ''}${badge === 'new' ? ' new' : ''}${play.cause === one.item ? ' asked' : ''}${badge ? ' badged' : ''}`
    card.title = 'Why this one?'
    card.replaceChildren(make('span', { class: 'rank' }, place + 1), pictureOf(thing.look, icons), make('span', { class: 'text' },
      make('span', { class: 'title' }, thing.title), make('span', { class: 'foot' }, badge && make('span', { class: 'badge' }, badge),
      make('span', { class: 'bar' }, make('span', { style: `width:${Math.max(2, 100 * one.part)}%` })))))
  })
  const left = known && !play.truth ? [...moves.values()].filter(one => one.now === null) : []
  const missed = play.truth && !scene.suggestions.some(one => one.target)
  gone.replaceChildren(...(missed ? [make('span', { class: 'hit' }, pictureOf(scene.things[scene.target].look, icons),
    `✓ really chosen next: ${scene.things[scene.target].title}`)] : left.length ? ['No longer: ', ...left.map(one => make('s', {}, scene.things[one.item].title))]
    : known ? [scene.rule] : []))
}

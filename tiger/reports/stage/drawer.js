// The drawer: find people by what they like, things to add, and stories. Only where a server answers.

const WAIT_MS = 220 // after the last letter before the server is asked

function openDrawer(play, kind) {
  if (!play.hooks.ask) return
  if (!play.drawer) play.opener = held(play)
  play.drawer = play.drawer === kind ? '' : kind
  play.box.drawer.hidden = !play.drawer
  if (!play.drawer) {
    play.opener ? restore(play, play.opener) : play.root.focus()
    return
  }
  const title = { people: 'Who likes …', things: 'Add something they have', stories: 'Stories' }[kind]
  const close = make('button', { type: 'button', class: 'close', 'aria-label': 'Close', onclick: () => openDrawer(play, '') }, '×')
  play.box.drawer.setAttribute('aria-label', title)
  play.box.drawer.replaceChildren(make('h2', {}, title), close, ...(kind === 'stories' ? storyForm(play) : searchForm(play, kind)))
  play.box.drawer.querySelector('input')?.focus()
  drawDrawer(play)
}

function searchForm(play, kind) {
  const hint = kind === 'people' ? 'coffee and camping' : 'words in its title'
  const input = make('input', { type: 'search', placeholder: hint, 'aria-label': hint, maxlength: 80, autocomplete: 'off' })
  input.oninput = () => {
    clearTimeout(play.typing)
    play.typing = setTimeout(() => find(play, kind, input.value), WAIT_MS)
  }
  find(play, kind, '')
  return [input, make('div', { class: 'offers' }), make('ul', { class: 'found' }),
    kind === 'people' && make('button', { type: 'button', class: 'wide', onclick: () => {
      show(play, null, [], null)
      openDrawer(play, 'things')
    } }, 'Start with nobody and add things')].filter(Boolean)
}

function find(play, kind, words) {
  play.wanted = `${kind}:${words.trim()}`
  play.hooks.ask({ do: 'find', kind, words: words.trim() })
}

const drawDrawer = play => keepFocus(play, () => drawFound(play))

// What the server found, where it is what was asked for last.
function drawFound(play) {
  if (!play.drawer) return
  if (play.drawer === 'stories') return drawStories(play)
  const found = play.data.found, list = play.box.drawer.querySelector('.found'), offers = play.box.drawer.querySelector('.offers')
  if (!found || found.kind !== play.drawer || `${found.kind}:${found.words}` !== play.wanted) return
  offers.replaceChildren(...(found.offers ?? []).map(name => make('button', { type: 'button', 'data-focus': `offer:${name}`, onclick: () => {
    const input = play.box.drawer.querySelector('input'), had = input.value.trim()
    input.value = had ? `${had}, ${name}` : name
    find(play, 'people', input.value)
  } }, name)))
  list.replaceChildren(...found.rows.map(row => make('li', {}, make('button', { type: 'button', 'data-focus': `found:${row.user ?? row.item}`, onclick: () => choose(play, row) },
    make('span', { class: 'pics' }, ...row.looks.map(look => pictureOf(look, play.icons))),
    make('span', { class: 'text' }, make('b', {}, row.title), make('span', {}, row.said))))))
  if (!found.rows.length && found.words) list.append(make('li', { class: 'none' }, found.said))
}

function choose(play, row) {
  if (play.drawer === 'people') {
    openDrawer(play, '')
    show(play, row.user, null, null)
  } else if (play.pending?.items !== null && historyOf(play).length < 500) change(play, [...historyOf(play), row.item])
}

const KEPT = 'tiger.present.views'

function kept(play) {
  if (!play.kept) {
    try {
      play.kept = JSON.parse(sessionStorage.getItem(KEPT) ?? '[]')
    } catch {
      play.kept = []
    }
  }
  return play.kept.filter(view => view.dataset === play.data.dataset)
}

// These are this dataset's views from now on; those of others stay.
function keepViews(play, views) {
  kept(play)
  play.kept = [...play.kept.filter(view => view.dataset !== play.data.dataset), ...views]
  storeViews(play)
  drawDrawer(play)
}

function storeViews(play) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(play.kept))
  } catch { /* a browser without storage forgets them on a reload */ }
}

// What is shown now, as a story keeps it.
function viewNow(play, at = play.at) {
  return { dataset: play.data.dataset, model: play.data.model, user: play.data.user, items: play.scene.history, was: play.was ?? null, at,
    beside: play.beside && at === play.at, why: at === play.at ? play.cause ?? null : null, note: '' }
}

function keep(play, everyStep) {
  if (!play.hooks.ask || play.data.playing) return
  const steps = everyStep ? play.scene.steps.map((_, at) => at) : [play.at]
  keepViews(play, [...kept(play), ...steps.map(at => viewNow(play, at))].slice(0, 60))
  say(play, `${counted(kept(play).length, 'view')} kept for a story. Press S to name it.`)
}

function storyForm(play) {
  const name = make('input', { type: 'text', placeholder: 'Name of the story', 'aria-label': 'Name of the story', maxlength: 60 })
  const save = () => {
    const frames = kept(play)
    if (!frames.length) return say(play, 'Keep a view first: press K, or "Keep this view".')
    if (!name.value.trim()) return name.focus()
    play.hooks.ask({ do: 'save', name: name.value, frames })
    name.value = ''
    keepViews(play, [])
  }
  name.onkeydown = event => event.key === 'Enter' && save()
  return [make('div', { class: 'row' },
    make('button', { type: 'button', onclick: () => keep(play, false) }, 'Keep this view'),
    make('button', { type: 'button', onclick: () => keep(play, true) }, 'Keep every step')),
  make('ol', { class: 'views' }), make('div', { class: 'row' }, name, make('button', { type: 'button', class: 'main', onclick: save }, 'Save story')),
  make('h3', {}, 'Saved'), make('ul', { class: 'found' })]
}

function drawStories(play) {
  const views = kept(play), list = play.box.drawer.querySelector('.views')
  list.replaceChildren(...views.map((view, place) => {
    const note = make('input', { type: 'text', maxlength: 200, placeholder: 'Say something here', 'aria-label': `Note of view ${place + 1}`, 'data-focus': `note:${place}`,
      value: view.note })
    note.oninput = () => {
      view.note = note.value
      storeViews(play)
    }
    return make('li', {}, make('span', {}, `${view.user === null ? 'Somebody new' : `Person ${view.user}`}, ${counted(view.items.length, 'thing')}, step ${view.at}`),
      note, make('button', { type: 'button', 'aria-label': `Forget view ${place + 1}`, 'data-focus': `forget:${place}`,
        onclick: () => keepViews(play, views.filter(other => other !== view)) }, '×'))
  }))
  play.box.drawer.querySelector('.found').replaceChildren(...play.data.stories.map(story => make('li', {},
    make('button', { type: 'button', 'data-focus': `story:${story.id}`, onclick: () => {
      openDrawer(play, '')
      play.hooks.ask({ do: 'play', id: story.id })
    } }, make('span', { class: 'text' }, make('b', {}, story.name), make('span', {}, counted(story.n, 'view')))))))
}
